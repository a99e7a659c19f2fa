//! Any bytes as a packed snapshot, and any document in the packed form.

use burgee_core::packed::{Packed, Rows, Signatures, sign};
use burgee_core::{Documents, FlagIndex, NamedContext, Snapshot};

use crate::walk::{assert_same, decide};

/// So many flags are compiled alone; a snapshot with more has nothing that those do not have.
const FLAGS: usize = 40;

const NOW: i64 = 1_800_000_000_000;

/// Bytes are refused or opened, and what was opened gives under a key that flag or a fault. A document's entries, packed, decide alone as they do together;
/// and whatever is then changed in the index, no flag passes as another.
pub fn packed(bytes: &[u8]) {
    open(bytes);
    let Ok(documents) = Documents::read(bytes) else { return };
    // What is packed has been read as canonical JSON, and may there be just past a limit that its short form kept.
    let Ok(packed) = Rows::of(&documents).parts("t", 1, Some(NOW)).pack() else { return };
    let signed = sign(&packed, &Signatures { document: "h..s", public: "h..p", signed_with: "k" }).expect("what was packed can be signed");
    let packed = Packed::open(signed.as_slice()).expect("what was packed can be opened");
    together(&packed);
    // Each byte of the document says what is changed next: where in the index, and how.
    let mut broken = signed.clone();
    let index = signed.len() - packed.json().len();
    for pair in bytes.chunks_exact(2).take(32) {
        let at = usize::from(pair[0]) * index / 256;
        broken[at] ^= pair[1];
        open(&broken);
    }
}

fn open(bytes: &[u8]) {
    let Ok(packed) = Packed::open(bytes) else { return };
    assert!(packed.bytes().ends_with(packed.json()));
    let _ = (packed.tenant(), packed.version(), packed.generated_at(), packed.signature(), packed.public_signature());
    let _ = packed.signed_with();
    let _ = packed.empty().compile();
    for key in packed.keys().take(FLAGS).flatten() {
        // An index that is broken may not lead to it.
        let Some(place) = packed.find(key) else { continue };
        let closure = packed.closure(place);
        assert_eq!(closure.bytes(), closure.text().len());
        let Ok(alone) = closure.compile() else { continue };
        if let Some(flag) = alone.find(key) {
            decide(&alone, Some(flag), &NamedContext::new(), NOW, None);
        }
    }
}

fn together(packed: &Packed<&[u8]>) {
    // The one limit that the whole alone can pass is that of attributes.
    let Ok(whole) = Snapshot::parse(packed.json()) else { return };
    let user =
        NamedContext::new().with("user_id", "u").with("tenant_id", "t").with("tier", "staff").with("env", "prod");
    for (place, flag) in (0..).zip(whole.flags()).take(FLAGS) {
        assert_eq!(packed.find(flag.key()), Some(place), "{}", flag.key());
        let alone = packed.closure(place).compile().expect("what is in the whole compiles alone");
        let index = alone.find(flag.key()).expect("the flag is there");
        let found = alone.flag(index).expect("the flag is there");
        assert_eq!((found.version(), found.warning()), (flag.version(), flag.warning()));
        for context in [NamedContext::new(), user.clone()] {
            let one = decide(&alone, Some(index), &context, NOW, None);
            assert_same(&one, &decide(&whole, Some(FlagIndex(place)), &context, NOW, None), "in the whole");
        }
    }
}
