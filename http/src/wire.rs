//! Pieces of the wire that several trees share: words and patterns for the schemas, and how one wrong field is shown.

use serde::Serialize;
use taskwell_core::error::Problem;
use utoipa::ToSchema;

/// What a title may be: one line that is not blank.
#[derive(ToSchema)]
#[schema(as = Title, min_length = 1, max_length = 200, example = "Write the report",
    pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct TitleText(String);

/// What a description may be: any number of lines.
#[derive(ToSchema)]
#[schema(as = Description, max_length = 20000, example = "Two pages",
    pattern = "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct DescriptionText(String);

/// A point in time: ISO 8601 with `Z`, an offset, or no zone (then it is UTC), or a date alone (midnight UTC).
#[derive(ToSchema)]
#[schema(as = Moment, format = DateTime, min_length = 10, max_length = 40, example = "2026-12-31T10:00:00Z")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct MomentText(String);

/// What a name to show may be.
#[derive(ToSchema)]
#[schema(as = Name, min_length = 1, max_length = 100, example = "Ada Lovelace",
    pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct NameText(String);

/// What a username may be: letters, marks and digits of any script, and `. _ -`; spaces around it are cut off. A new one
/// keeps to one script, or to Latin with one of Chinese, Japanese and Korean, and does not look like another name.
#[derive(ToSchema)]
#[schema(as = Username, min_length = 1, max_length = 64, example = "ada",
    pattern = "^\\s*[^\\x00-,/:-@\\[-\\^`{-\\x9f]+\\s*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct UsernameText(String);

/// What an email address may be. It holds no space, not even in a quoted local part (`"a b"@example.org`), and no domain
/// literal (`a@[192.0.2.1]`). A domain needs no dot.
#[derive(ToSchema)]
#[schema(as = Email, min_length = 3, max_length = 254, format = Email, example = "ada@example.org")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct EmailText(String);

/// What a new password may be: at most 72 bytes (which 18 characters of any script never pass), none of the commonly used
/// ones, not your own name or address.
#[derive(ToSchema)]
#[schema(as = NewPassword, min_length = 8, max_length = 72, format = Password, example = "analytical engine 1843", pattern = "^(?:[ -~]{8,72}|[^\\x00]{8,18})$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct PasswordText(String);

/// How far a task is.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum StatusWord {
    Pending,
    InProgress,
    Completed,
}

/// How much a task matters.
#[derive(ToSchema)]
#[schema(as = Priority, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum PriorityWord {
    Low,
    Medium,
    High,
    Urgent,
}

/// What an account may do.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum RoleWord {
    User,
    Admin,
}

/// One field that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub struct FieldProblemWire<'a> {
    #[schema(example = "title")]
    pub field: &'a str,
    #[schema(example = "required")]
    pub code: &'static str,
    #[schema(example = "is required")]
    pub message: &'a str,
}

impl<'a> From<&'a Problem> for FieldProblemWire<'a> {
    fn from(problem: &'a Problem) -> FieldProblemWire<'a> {
        FieldProblemWire { field: &problem.field, code: problem.code.as_str(), message: &problem.message }
    }
}
