//! `taskwell user …`: account management by the operator, including the first admin.

use std::collections::HashMap;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use taskwell_core::accounts::{self, SignUp};
use taskwell_core::app::{App, Operator};
use taskwell_core::audit::Actor;
use taskwell_core::error::{Problems, Violation};
use taskwell_core::ids::UserId;
use taskwell_core::page::Limit;
use taskwell_core::text::Words;
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{self, Email, Name, Role, Shadowed, Update, User, Username};

use crate::config::Config;
use crate::console::{Outcome, print, runtime, sentence};
use crate::secret;
use crate::store;

#[derive(Subcommand)]
pub enum Command {
    /// Create an account. The command prompts for the password, or reads it from standard input or
    /// --password-file.
    Create {
        /// The email address, which can be used to log in.
        #[arg(long)]
        email: String,
        /// The username, which can be used to log in. By default, it is derived from the email
        /// address.
        #[arg(long)]
        username: Option<String>,
        /// The display name.
        #[arg(long)]
        name: Option<String>,
        /// Give the account the role `admin`.
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List accounts. Each line has the id, username, email address, role and state.
    List {
        /// List only accounts whose username, email address or name contains each of these words.
        #[arg(long, default_value = "")]
        q: String,
    },
    /// Change the username of an account.
    SetUsername {
        /// The account: an id, a username or an email address.
        user: String,
        /// The new username.
        username: String,
    },
    /// Change the role of an account.
    SetRole {
        /// The account: an id, a username or an email address.
        user: String,
        /// The new role.
        role: RoleArg,
    },
    /// Block an account at once and end its sessions.
    Deactivate {
        /// The account: an id, a username or an email address.
        user: String,
    },
    /// Unblock a deactivated account.
    Activate {
        /// The account: an id, a username or an email address.
        user: String,
    },
    /// Set a new password and end all sessions, personal access tokens and mailed links of the
    /// account.
    ResetPassword {
        /// The account: an id, a username or an email address.
        user: String,
        #[command(flatten)]
        password: PasswordSource,
    },
}

#[derive(Args)]
pub struct PasswordSource {
    /// The file that holds the password. Without this option, the command prompts on a terminal and
    /// reads standard input otherwise.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    User,
    Admin,
}

/// Runs a subcommand.
pub fn run(config: &Config, command: Command) -> Outcome {
    let operator = store::open_to_manage(config)?;
    let runtime = runtime()?;
    runtime.block_on(run_on(&operator, command))
}

async fn run_on(operator: &Operator, command: Command) -> Outcome {
    match command {
        Command::Create { email, username, name, admin, password } => {
            let password = password.read()?;
            let new =
                sign_up(operator.app(), &email, username.as_deref(), name.as_deref(), &password)?;
            let role = if admin { Role::Admin } else { Role::User };
            let user = accounts::create(operator, new, role).await.map_err(|e| sentence(&e))?;
            print(&line(&user))
        }
        Command::List { q } => list(operator, &q).await,
        Command::SetUsername { user, username } => {
            let username =
                Username::parse(&username).map_err(|Violation(_, e)| format!("username: {e}"))?;
            change(operator, user, Update { username: Some(username), ..Update::default() }).await
        }
        Command::SetRole { user, role } => {
            let role = match role {
                RoleArg::User => Role::User,
                RoleArg::Admin => Role::Admin,
            };
            let update = Update { role: Some(role), ..Update::default() };
            change(operator, user, update).await
        }
        Command::Deactivate { user } => {
            change(operator, user, Update { is_active: Some(false), ..Update::default() }).await
        }
        Command::Activate { user } => {
            change(operator, user, Update { is_active: Some(true), ..Update::default() }).await
        }
        Command::ResetPassword { user, password } => {
            let user = find(operator, user).await?;
            let text = password.read()?;
            let own = [&*user.username, &*user.email, user.name.as_deref().unwrap_or("")];
            let password = choose(operator.app(), &text, &own)
                .map_err(|Violation(_, e)| format!("password: {e}"))?;
            let ended = accounts::reset_password(operator, user.id, password)
                .await
                .map_err(|e| sentence(&e))?
                .0;
            print(&format!(
                "set a new password for {}; ended all its sessions and {ended} personal access {}",
                user.username,
                if ended == 1 { "token" } else { "tokens" }
            ))
        }
    }
}

fn sign_up(
    app: &App,
    email: &str,
    username: Option<&str>,
    name: Option<&str>,
    password: &str,
) -> Result<SignUp, String> {
    let mut p = Problems::default();
    let username = username.and_then(|text| p.take("username", Username::parse(text)));
    let name = name.and_then(|text| p.take("name", Name::parse(text)));
    let email = p.take("email", Email::parse(email));
    let own: Vec<&str> = username
        .iter()
        .map(Username::as_str)
        .chain(email.iter().map(Email::as_str))
        .chain(name.iter().map(Name::as_str))
        .collect();
    let password = p.take("password", choose(app, password, &own));
    let new =
        email.zip(password).map(|(email, password)| SignUp { username, name, email, password });
    p.finish(new).map_err(|e| sentence(&e))
}

fn choose(app: &App, text: &str, own: &[&str]) -> Result<Password, Violation> {
    Password::chosen(text, Policy::House, app.settings().password_chars_min, own)
}

async fn find(operator: &Operator, login: String) -> Result<User, String> {
    operator.write(move |tx| users::find_by_login(tx, &login)).await.map_err(|e| sentence(&e))
}

async fn change(operator: &Operator, login: String, update: Update) -> Outcome {
    let id: UserId = find(operator, login).await?.id;
    let changed =
        operator.write(move |tx| users::update_user(tx, Actor::default(), id, &update)).await;
    print(&line(&changed.map_err(|e| sentence(&e))?))
}

async fn list(operator: &Operator, q: &str) -> Outcome {
    let words = Words::parse(q).map_err(|Violation(_, e)| format!("--q: {e}"))?;
    let shadowed: HashMap<UserId, Shadowed> =
        shadowed(operator).await?.into_iter().map(|shadowed| (shadowed.id, shadowed)).collect();
    let mut after = None;
    loop {
        let words = words.clone();
        let page =
            operator.write(move |tx| users::page(tx, &words, Limit::default().get(), after)).await;
        let page = page.map_err(|e| sentence(&e))?;
        for user in &page.items {
            match shadowed.get(&user.id) {
                Some(shadowed) => print(&format!("{}\t{}", line(user), shadowed_names(*shadowed)))?,
                None => print(&line(user))?,
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// All accounts whose username or email address belongs to an older account.
async fn shadowed(operator: &Operator) -> Result<Vec<Shadowed>, String> {
    let mut all: Vec<Shadowed> = Vec::new();
    loop {
        let after = all.last().map_or(UserId(0), |last| last.id);
        let more =
            operator.write(move |tx| users::shadowed(tx, after)).await.map_err(|e| sentence(&e))?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// Logs a warning for each account whose username or email address belongs to an older account.
/// Such an account can log in only with the other one.
pub async fn warn_of_shadowed(operator: &Operator) {
    let shadowed = match shadowed(operator).await {
        Ok(shadowed) => shadowed,
        Err(error) => {
            return tracing::warn!(
                error,
                "cannot check whether accounts share a username or an email address"
            );
        }
    };
    for shadowed in &shadowed {
        let (id, what) = (shadowed.id.0, shadowed_names(*shadowed));
        let remedy = match (shadowed.username, shadowed.email) {
            (true, true) => "nobody can log in to it until you change its username",
            (true, false) => "its owner can log in with the email address, or with a new username",
            _ => "its owner can log in with the username, and can then change the email address",
        };
        tracing::warn!(
            user.id = id,
            "account {id} is {what}: an older account has the same name or address, because \
             Taskwell ignores letter case in all scripts. No data is lost; {remedy}. To change the \
             username, run: taskwell user set-username {id} NAME"
        );
    }
}

/// Which of the names of the account belong to an older account.
fn shadowed_names(Shadowed { username, email, .. }: Shadowed) -> &'static str {
    match (username, email) {
        (true, true) => "username_shadowed,email_shadowed",
        (true, false) => "username_shadowed",
        _ => "email_shadowed",
    }
}

/// Formats an account as one line with tabs between the fields.
fn line(user: &User) -> String {
    let state = if user.is_active { "active" } else { "deactivated" };
    format!("{}\t{}\t{}\t{}\t{state}", user.id.0, user.username, user.email, user.role.as_str())
}

impl PasswordSource {
    fn read(&self) -> Result<String, String> {
        if let Some(file) = &self.password_file {
            let text =
                secret::read(file).map_err(|e| format!("the file {} {e}", file.display()))?;
            return String::from_utf8(text)
                .map_err(|_| format!("the file {} is not UTF-8", file.display()));
        }
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let asked = rpassword::prompt_password("Password: ");
            return asked.map_err(|e| format!("cannot read the password from the terminal: {e}"));
        }
        let mut text = String::new();
        let read = stdin.lock().read_line(&mut text);
        read.map_err(|e| format!("cannot read the password from standard input: {e}"))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
