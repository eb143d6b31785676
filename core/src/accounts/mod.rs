//! What an account goes through: sign-up, login, its password, its email address and its second
//! factor. Each of them hashes or counts beside its transactions.

pub mod email;
mod login;
mod password;
pub mod second_factor;
mod sign_up;

pub use login::{login, logout_by_refresh, refresh, renew};
pub use password::{change_password, delete, reset_password, update};
pub use sign_up::{SignUp, create, register, sign_up};
