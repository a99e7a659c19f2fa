//! A tenant in memory, for tests.
