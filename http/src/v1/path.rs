//! Where this tree lies.

pub const BASE: &str = "/api/v1";
