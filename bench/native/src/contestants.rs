//! Each contestant's rows for a task: it opens the shape's document, is checked, and can then be asked.

mod burgee;
mod eppo;
mod handwritten;
mod launchdarkly;
mod yggdrasil;

use crate::{Inputs, Row, Task};

/// What makes a contestant's rows.
type Rows = fn(&Inputs, &Task) -> Vec<Row>;

/// All of them by name.
pub const ALL: [(&str, Rows); 5] = [
    (burgee::NAME, burgee::rows),
    (handwritten::NAME, handwritten::rows),
    (yggdrasil::NAME, yggdrasil::rows),
    (eppo::NAME, eppo::rows),
    (launchdarkly::NAME, launchdarkly::rows),
];
