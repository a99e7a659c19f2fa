// What the command line needs of Node. Its whole types would reach the rest of the package, which must do without Node.

declare module 'node:fs' {
  export function readFileSync(path: string | URL): Uint8Array;
  export function readFileSync(path: string | URL, encoding: 'utf8'): string;
  export function writeFileSync(path: string, text: string): void;
}

declare module 'node:process' {
  interface Output {
    readonly isTTY?: boolean;
    readonly columns?: number;
    write(text: string): void;
    on(event: 'error', listener: (error: Error & { readonly code?: string }) => void): void;
  }
  const process: {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly stdin: AsyncIterable<Uint8Array>;
    readonly stdout: Output;
    readonly stderr: Output;
    exitCode: number;
    exit(): never;
  };
  export default process;
}

declare module 'node:util' {
  export function parseArgs(config: {
    readonly args: readonly string[];
    readonly options: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string; readonly multiple?: boolean }>>;
    readonly allowPositionals: boolean;
    readonly strict: boolean;
  }): { readonly values: Readonly<Record<string, string | boolean | string[] | undefined>>; readonly positionals: readonly string[] };
}
