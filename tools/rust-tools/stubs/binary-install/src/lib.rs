//! Empty: worker-build names this crate among its dependencies and uses nothing of it.
