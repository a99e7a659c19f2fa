/** What goes wrong and is the caller's to mend. The message is all that is shown: it never holds a context, an id or a header's value. */
export class Failure extends Error {}

/** Wrong use: the message is followed by where the right one is described. */
export class WrongUse extends Failure {}
