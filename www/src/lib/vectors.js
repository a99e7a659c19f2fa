// The parity vectors, in a file of their own: the page is usable before they arrive.

import examples from '../../../parity/vectors/examples.json';
import hash from '../../../parity/vectors/hash.json';
import real from '../../../parity/vectors/registry.json';
import synthetic from '../../../parity/vectors/synthetic.json';

export { examples, hash };
export const registries = { real, synthetic };
