//! The OpenAPI 3.1 document, put together from what each route says of itself.

use serde_json::{Map, Value, json};

use crate::doc::Api;
use crate::v1;

/// The document of all `apis`, as JSON.
pub fn document(apis: impl IntoIterator<Item = Api>) -> String {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas = Map::new();
    for api in apis {
        for operation in api.operations {
            let path = paths.entry(operation.path).or_insert_with(|| json!({}));
            path[operation.method] = operation.value;
        }
        schemas.extend(api.schemas);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Taskwell",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One task store behind five REST contracts. `v1` is the canonical API; `web` and `root` serve front ends that were written against older contracts.\n\n\
    Any write may carry an `Idempotency-Key` header of 1 to 255 visible ASCII characters, new for each thing to be done. Sent again with the same key and \
    body within 24 hours it is done once and answered as the first time; while the first is under way the answer is 409, with another body 422, and 400 where \
    the key is none. Answers that hold tokens or other secrets are not kept, and refusals are not either: those requests are looked at anew.\n\n\
    Query parameters that an endpoint does not know are ignored. Answers are compressed (gzip) if `Accept-Encoding` says so; the `ETag` of a compressed answer ends in \
    `-gzip`, and `If-Match` and `If-None-Match` understand both.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "v1", "description": "The canonical API, below /api/v1." },
            { "name": "web", "description": "The contract of a web front end, below /api." },
            { "name": "root", "description": "The contracts at /user, /auth and /tasks." },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An access token from any login." },
                "password": { "type": "oauth2", "description": "Log in here with a username or email and a password.",
                    "flows": { "password": { "tokenUrl": format!("{}/auth/login", v1::BASE), "scopes": {} } } },
            },
        },
    });
    document.to_string()
}
