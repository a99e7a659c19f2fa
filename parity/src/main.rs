//! Reads cases from standard input, one JSON document a line, and writes an answer a line. `parity/differential.mjs` drives it.

use std::io::{BufRead, Write};

use burgee_parity::{Case, answer};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let case: Case<'_> = serde_json::from_str(&line).map_err(std::io::Error::other)?;
        serde_json::to_writer(&mut out, &answer(&case))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
