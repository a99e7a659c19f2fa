// What policy.rs calls. What is asked, and what an answer means, is decided in burgee-contract.

/**
 * Asks the policy service: `[status, bytes]`, and null where it has not answered in full within so many milliseconds, or with more than `limit`
 * bytes. A redirect is an answer, and is not followed: it would lead where no setting says.
 */
export async function ask(url, body, requestId, within, limit) {
  try {
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json', 'X-Request-Id': requestId };
    const response = await fetch(url, { method: 'POST', redirect: 'manual', headers, body, signal: AbortSignal.timeout(within) });
    if (response.status !== 200) {
      await response.body?.cancel();
      return [response.status, new Uint8Array()];
    }
    const chunks = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > limit) return null;
      chunks.push(chunk);
    }
    return [200, new Uint8Array(await new Blob(chunks).arrayBuffer())];
  } catch {
    return null;
  }
}
