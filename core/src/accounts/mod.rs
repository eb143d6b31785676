//! The use cases of an account that also hash passwords or count against limits: sign-up, login,
//! password, email address and second factor.

pub mod email;
mod login;
mod password;
pub mod second_factor;
mod sign_up;

pub use login::{login, logout_by_refresh, refresh, renew};
pub use password::{change_password, delete, reset_password, update};
pub use sign_up::{SignUp, create, register, sign_up};
