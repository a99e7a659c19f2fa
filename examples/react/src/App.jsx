import { useBooleanFlagValue, useFlag } from '@openfeature/react-sdk';

export function App() {
  const isNew = useBooleanFlagValue('checkout.v2', false);
  const { value: greeting, variant } = useFlag('greeting', 'Hi');
  return (
    <main>
      <h1 data-variant={variant}>{greeting}</h1>
      <button type="button">{isNew ? 'Pay with one click' : 'Go to the checkout'}</button>
    </main>
  );
}
