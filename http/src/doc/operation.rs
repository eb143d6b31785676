//! The documentation of one operation, in the format of OpenAPI 3.1. The schemas come from the wire
//! types.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::body::bytes_max;
use crate::tree::Failure;

/// The error format of a tree: the media type, the wire type's name, and an example for a status
/// and its detail.
#[derive(Clone, Copy)]
pub struct ErrorDoc {
    pub media: &'static str,
    pub schema: fn(&mut Schemas) -> Value,
    pub example: fn(StatusCode, &str) -> Value,
    /// Status of the response to invalid input.
    pub invalid: StatusCode,
}

/// The named schemas of a document.
pub type Schemas = Map<String, Value>;

/// The documentation of an operation.
pub struct Doc {
    id: &'static str,
    summary: &'static str,
    note: &'static str,
    public: bool,
    guarded: bool,
    parameters: Vec<Value>,
    /// The media types of the body, each with its schema.
    bodies: Vec<(&'static str, Named)>,
    answers: Vec<Answered>,
    failures: Vec<(StatusCode, &'static str)>,
}

/// Description of the header that guards a write.
const GUARD: &str = "With an `If-Match` header that contains the task's `ETag`, the server writes \
only if the task still has that version; otherwise, the response is 412.";

pub type Named = fn(&mut Schemas) -> Value;

struct Answered {
    status: StatusCode,
    text: &'static str,
    media: &'static str,
    schema: Option<Named>,
    headers: Vec<&'static str>,
}

/// Returns a reference to `T`'s schema. Adds that schema, with its dependencies, to `schemas`.
pub fn named<T: ToSchema>(schemas: &mut Schemas) -> Value {
    let name = T::name().into_owned();
    if !schemas.contains_key(&name) {
        schemas.insert(name.clone(), to_value(&T::schema()));
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        for (name, schema) in inner {
            schemas.insert(name, to_value(&schema));
        }
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list_of<T: ToSchema>(schemas: &mut Schemas) -> Value {
    json!({ "type": "array", "items": named::<T>(schemas) })
}

fn to_value(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or(Value::Null)
}

impl Doc {
    pub fn new(id: &'static str, summary: &'static str) -> Doc {
        Doc {
            id,
            summary,
            note: "",
            public: false,
            guarded: false,
            parameters: Vec::new(),
            bodies: Vec::new(),
            answers: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds a description to the summary.
    #[must_use]
    pub fn note(mut self, note: &'static str) -> Doc {
        self.note = note;
        self
    }

    /// Marks the operation as one without a bearer token.
    #[must_use]
    pub fn public(mut self) -> Doc {
        self.public = true;
        self
    }

    /// Adds a path parameter.
    #[must_use]
    pub fn path(mut self, name: &str, schema: impl Into<Value>, note: &str) -> Doc {
        self.parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": note,
            "schema": schema.into(),
        }));
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, schema: impl Into<Value>, note: &str) -> Doc {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": false, "description": note,
            "schema": schema.into(),
        }));
        self
    }

    /// Adds a request header.
    #[must_use]
    pub fn header_parameter(mut self, name: &str, schema: impl Into<Value>, note: &str) -> Doc {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": note,
            "schema": schema.into(),
        }));
        self
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn body<T: ToSchema>(self) -> Doc {
        self.body_as::<T>("application/json")
    }

    /// Adds a body of another media type. Prefer one type per operation: client generators have
    /// trouble with several.
    #[must_use]
    pub fn body_as<T: ToSchema>(self, media: &'static str) -> Doc {
        self.body_also(media, named::<T>)
    }

    /// Adds another media type for the body. Each needs a schema with its own name, so that
    /// generated clients can distinguish them.
    #[must_use]
    pub fn body_also(mut self, media: &'static str, schema: Named) -> Doc {
        self.bodies.push((media, schema));
        self
    }

    #[must_use]
    pub fn answers<T: ToSchema>(self, status: StatusCode, text: &'static str) -> Doc {
        self.answered(status, text, Some(named::<T>))
    }

    #[must_use]
    pub fn answers_list<T: ToSchema>(self, status: StatusCode, text: &'static str) -> Doc {
        self.answered(status, text, Some(list_of::<T>)).header("Link")
    }

    /// Adds a response without a body.
    #[must_use]
    pub fn empty(self, status: StatusCode, text: &'static str) -> Doc {
        self.answered(status, text, None)
    }

    /// Adds a response with a stream of text.
    #[must_use]
    pub fn streams(mut self, status: StatusCode, text: &'static str, media: &'static str) -> Doc {
        let schema: Named = |_| json!({ "type": "string" });
        self.answers.push(Answered {
            status,
            text,
            media,
            schema: Some(schema),
            headers: Vec::new(),
        });
        self
    }

    fn answered(mut self, status: StatusCode, text: &'static str, schema: Option<Named>) -> Doc {
        self.answers.push(Answered {
            status,
            text,
            media: "application/json",
            schema,
            headers: Vec::new(),
        });
        self
    }

    /// Adds a header to the response added last.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Doc {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push(name);
        }
        self
    }

    /// Adds a failure that not all operations share.
    #[must_use]
    pub fn fails(mut self, status: StatusCode, detail: &'static str) -> Doc {
        self.failures.push((status, detail));
        self
    }

    /// Documents a read of one task: its version, and 304 for a client that has that version.
    #[must_use]
    pub fn shows_version(self) -> Doc {
        let mut doc = self.header("ETag");
        doc.parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false,
            "schema": { "type": "string" },
            "description": "The ETag of the version that the client has. If it is the current \
                            version, the response is 304.",
        }));
        doc.empty(StatusCode::NOT_MODIFIED, "The client already has the current version.")
            .header("ETag")
    }

    /// Documents a guarded write of one task. `If-Match` appears in the description, not as a
    /// parameter, because a generated value is well-formed but never matches the task's version.
    #[must_use]
    pub fn guarded(mut self) -> Doc {
        self.guarded = true;
        self.fails(
            StatusCode::PRECONDITION_FAILED,
            "The task has changed since the version in If-Match; read it again",
        )
    }

    pub(super) fn finish(
        self,
        path: &str,
        tag: &str,
        errors: &ErrorDoc,
        schemas: &mut Schemas,
    ) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            responses.insert(answer.status.as_str().into(), answer.value(schemas));
        }
        let too_large = Failure::TooLarge(bytes_max(path)).detail();
        let wrong_type = wrong_type(&self.bodies);
        let mut failures = self.failures;
        let has_input = !self.bodies.is_empty() || !self.parameters.is_empty();
        if has_input {
            failures.push((errors.invalid, "Validation error"));
        }
        if !self.bodies.is_empty() {
            failures.push((StatusCode::PAYLOAD_TOO_LARGE, &too_large));
            failures.push((StatusCode::UNSUPPORTED_MEDIA_TYPE, &wrong_type));
        }
        if !self.public {
            failures.push((StatusCode::UNAUTHORIZED, "Not authenticated"));
        }
        failures.push((StatusCode::TOO_MANY_REQUESTS, "Too many requests; try again in 1 s"));
        failures.push((StatusCode::SERVICE_UNAVAILABLE, "The server is busy; try again in 1 s"));
        for (status, detail) in failures {
            let entry = responses.entry(status.as_str()).or_insert_with(|| {
                json!({ "description": status.canonical_reason().unwrap_or("Error"), "content": {
                    errors.media: { "schema": (errors.schema)(schemas), "examples": {} } } })
            });
            entry["content"][errors.media]["examples"][detail] =
                json!({ "value": (errors.example)(status, detail) });
        }
        let logins = json!([{ "bearer": [] }, { "password": [] }]);
        let mut value = json!({
            "operationId": self.id, "summary": self.summary, "tags": [tag],
            "responses": responses,
            "security": if self.public { json!([]) } else { logins },
        });
        let guard = if self.guarded { GUARD } else { "" };
        if !self.note.is_empty() || self.guarded {
            value["description"] = format!("{} {guard}", self.note).trim().into();
        }
        if !self.parameters.is_empty() {
            value["parameters"] = self.parameters.into();
        }
        if !self.bodies.is_empty() {
            let content = self
                .bodies
                .iter()
                .map(|(media, schema)| ((*media).to_owned(), json!({ "schema": schema(schemas) })));
            let content: Map<String, Value> = content.collect();
            value["requestBody"] = json!({ "required": true, "content": content });
        }
        value
    }
}

/// Returns the error for a wrong media type: all types if there are several, otherwise JSON. The
/// operation itself documents the separate type of a merge patch.
fn wrong_type(bodies: &[(&str, Named)]) -> String {
    let types = match bodies {
        [_, _, ..] => bodies.iter().map(|(media, _)| *media).collect::<Vec<_>>().join(" or "),
        _ => "application/json".into(),
    };
    format!("The Content-Type must be {types}")
}

impl Answered {
    fn value(&self, schemas: &mut Schemas) -> Value {
        let mut value = json!({ "description": self.text });
        if let Some(schema) = self.schema {
            value["content"] = json!({ self.media: { "schema": schema(schemas) } });
        }
        if !self.headers.is_empty() {
            let headers: Map<String, Value> = self
                .headers
                .iter()
                .map(|name| ((*name).to_owned(), json!({ "schema": { "type": "string" } })))
                .collect();
            value["headers"] = headers.into();
        }
        value
    }
}

/// Returns the schema of an id in a path: the integer or the UUID.
pub fn id_schema() -> Value {
    json!({ "anyOf": [
        { "type": "integer", "format": "int64", "minimum": 1 },
        { "type": "string", "format": "uuid" },
    ]})
}
