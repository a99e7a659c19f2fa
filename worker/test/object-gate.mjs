// Stands between the Worker and its tenants' objects, on the same runtime: can make the way to them fail, or never end.
export default function gate({ OBJECTS, CONTROL }) {
  return {
    idFromName: (name) => name,
    get: (name) => ({
      async fetch(...args) {
        switch (await CONTROL.get('objects')) {
          case 'failing':
            throw new Error('the gate fails');
          case 'closed':
            await new Promise(() => {});
        }
        return OBJECTS.get(OBJECTS.idFromName(name)).fetch(...args);
      },
    }),
  };
}
