// A small seeded generator (sfc32): the same seed gives the same draws on every machine.
export class Random {
  #a;
  #b;
  #c;
  #counter = 1;

  constructor(seed) {
    // Three words from one, so that seeds that differ in one bit start far apart.
    let state = seed >>> 0;
    const word = () => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    [this.#a, this.#b, this.#c] = [word(), word(), word()];
    for (let i = 0; i < 12; i += 1) this.word();
  }

  /** 32 random bits. */
  word() {
    const result = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) >>> 0;
    return result;
  }

  /** A double in [0, 1) with all its digits. */
  unit() {
    return ((this.word() >>> 5) * 67108864 + (this.word() >>> 6)) / 9007199254740992;
  }

  /** An integer from `low` to `high`, both included. */
  between(low, high) {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability) {
    return this.unit() < probability;
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** One of `[weight, value]`; a value that is a function is called. */
  weighted(choices) {
    let at = this.unit() * choices.reduce((sum, [weight]) => sum + weight, 0);
    const [, value] = choices.find(([weight]) => (at -= weight) < 0) ?? choices.at(-1);
    return typeof value === 'function' ? value() : value;
  }

  /** `count` different ones, or all there are. */
  sample(list, count) {
    const left = [...list];
    const drawn = [];
    while (drawn.length < count && left.length > 0) drawn.push(...left.splice(this.between(0, left.length - 1), 1));
    return drawn;
  }

  list(low, high, draw) {
    return Array.from({ length: this.between(low, high) }, (_, i) => draw(i));
  }
}

/** Gives the items of a list in turn, in a new order each time around: in so many draws, every one comes up. */
export class Deck {
  #left = [];

  constructor(list) {
    this.list = list;
  }

  draw(random) {
    if (this.#left.length === 0) this.#left = random.sample(this.list, this.list.length);
    return this.#left.pop();
  }
}
