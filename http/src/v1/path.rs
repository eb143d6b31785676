//! The base path of this tree.

pub const BASE: &str = "/api/v1";
