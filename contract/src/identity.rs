//! Who asks: from a bearer token to an [`Identity`], by the matrix of `docs/trust.md`, section 1.
//!
//! Everything but the cryptography and the network is decided here, as data in and data out. An adapter keeps one [`Verifier`] and
//! asks it about each token; where it cannot answer at once it gives a [`Checking`], which says step by step what is to be done:
//! fetch the issuer's keys, wait for who does, have a signature verified by the platform.

mod algorithm;
mod checking;
mod claims;
mod der;
mod jwks;
mod keys;
mod remembered;
mod settings;
mod token;
mod verdict;
mod verifier;

#[cfg(test)]
mod jwks_tests;
#[cfg(test)]
mod matrix_tests;
#[cfg(test)]
mod vectors;

pub(crate) use token::bearer;

pub use algorithm::Algorithm;
pub use checking::{Checking, Next, Verification};
pub use claims::Claims;
pub use jwks::JwksState;
pub use keys::{Fetched, Import, KeySet, KeysFault};
pub use settings::{IdentitySettings, Mode};
pub use token::{Token, is_control_plane};
pub use verdict::{AuthSource, Identity, MatrixRow, Refused, Verdict};
pub use verifier::{Looked, Surface, Verifier, VerifierHealth};
