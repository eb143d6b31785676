//! Wire types that several trees share: words and patterns for the schemas, and the format of an
//! invalid field.

use serde::Serialize;
use taskwell_core::error::Problem;
use utoipa::ToSchema;

/// A title: one line that is not blank.
#[derive(ToSchema)]
#[schema(as = Title, min_length = 1, max_length = 200, example = "Write the report",
    pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct TitleText(String);

/// A description: any number of lines.
#[derive(ToSchema)]
#[schema(as = Description, max_length = 20000, example = "Two pages",
    pattern = "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct DescriptionText(String);

/// A point in time in ISO 8601, with `Z` or an offset. A time without a zone is UTC; a date alone
/// means midnight UTC.
#[derive(ToSchema)]
#[schema(
    as = Moment, format = DateTime, min_length = 10, max_length = 40,
    example = "2026-12-31T10:00:00Z"
)]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct MomentText(String);

/// A display name.
#[derive(ToSchema)]
#[schema(as = Name, min_length = 1, max_length = 100, example = "Ada Lovelace",
    pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct NameText(String);

/// A username: letters, marks and digits of any script, and `. _ -`. The server removes spaces
/// around it. A new username uses one script, or Latin with one of Chinese, Japanese and Korean,
/// and must not look like another username.
#[derive(ToSchema)]
#[schema(as = Username, min_length = 1, max_length = 64, example = "ada",
    pattern = "^\\s*[^\\x00-,/:-@\\[-\\^`{-\\x9f]+\\s*$")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct UsernameText(String);

/// An email address. It must not contain a space, even in a quoted local part (`"a
/// b"@example.org`), or a domain literal (`a@[192.0.2.1]`). The domain does not need a dot.
#[derive(ToSchema)]
#[schema(as = Email, min_length = 3, max_length = 254, format = Email, example = "ada@example.org")]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct EmailText(String);

/// A new password: at most 72 bytes, which 18 characters of any script never exceed. It must not be
/// a common password or your own name or email address.
#[derive(ToSchema)]
#[schema(
    as = NewPassword, min_length = 8, max_length = 72, format = Password,
    example = "analytical engine 1843", pattern = "^(?:[ -~]{8,72}|[^\\x00]{8,18})$"
)]
#[expect(dead_code, reason = "names the rule for the schema")]
pub struct PasswordText(String);

/// The status of a task.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum StatusWord {
    Pending,
    InProgress,
    Completed,
}

/// The priority of a task.
#[derive(ToSchema)]
#[schema(as = Priority, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum PriorityWord {
    Low,
    Medium,
    High,
    Urgent,
}

/// The role of an account.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
pub enum RoleWord {
    User,
    Admin,
}

/// An invalid field.
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
        FieldProblemWire {
            field: &problem.field,
            code: problem.code.as_str(),
            message: &problem.message,
        }
    }
}
