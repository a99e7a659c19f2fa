//! Writes a document in the packed form: `cargo run -p burgee-core --example pack < snapshot.json > snapshot.packed`. Entries at fault and archived flags are
//! left out; they are counted on stderr.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::{Read, Write};

use burgee_core::packed::Rows;
use burgee_core::{Documents, Snapshot};

fn main() -> Result<(), Box<dyn Error>> {
    let mut document = Vec::new();
    std::io::stdin().read_to_end(&mut document)?;
    let snapshot = Snapshot::parse(&document)?;
    let documents = Documents::read(&document)?;
    if !documents.faults.is_empty() {
        eprintln!("{} faults: what is at fault is left out", documents.faults.len());
    }
    let rows = Rows::of(&documents);
    let parts = rows.parts(snapshot.tenant(), snapshot.version(), snapshot.generated_at());
    std::io::stdout().write_all(&parts.pack()?)?;
    Ok(())
}
