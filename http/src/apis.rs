//! All contracts, in the order of the documentation.

use crate::doc::Api;
use crate::{root, v1, web};

pub fn all() -> [Api; 6] {
    [v1::api(), web::api(), web::auth_api(), root::user_api(), root::auth_api(), root::tasks_api()]
}
