// The Worker of the objects: each tenant's, the meter, and what queues bring them. It has no address: callers' requests come through the edge.

import { consume } from './queues.js';

export { Meter } from './meter.js';
export { Tenant } from './tenant.js';

export default {
  queue: (batch, env) => consume(batch, env),
};
