declare module 'burgee:base64' {
  /** The module, in base64. The build puts it in. */
  const base64: string;
  export default base64;
}

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
