import { OpenFeature, OpenFeatureProvider } from '@openfeature/react-sdk';
import { BurgeeWebProvider } from 'burgee/openfeature-web';
import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.jsx';

const provider = new BurgeeWebProvider({
  url: '/snapshot.json',
  // It is ready with this, and so before anything is rendered.
  bootstrap: document.getElementById('snapshot').textContent,
  refresh: 5_000,
  onExposure: (batch) => console.debug('served', batch),
});

OpenFeature.setProvider(provider, { targetingKey: 'U-1', visits: 7 });

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <OpenFeatureProvider suspendUntilReady>
      {/* Never seen as long as there is a bootstrap. */}
      <Suspense fallback={<p>Loading…</p>}>
        <App />
      </Suspense>
    </OpenFeatureProvider>
  </StrictMode>,
);
