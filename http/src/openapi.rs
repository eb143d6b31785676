//! The OpenAPI 3.1 document, assembled from the operations of all routes.

use serde_json::{Map, Value, json};

use crate::doc::Api;
use crate::v1;

/// Returns the document of all `apis`, as JSON.
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
    let token_url = format!("{}/auth/login", v1::BASE);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Taskwell",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One task store behind five REST contracts. `v1` is the canonical API; \
    `web` and `root` serve front ends that were written against older contracts.\n\nAny write may \
    carry an `Idempotency-Key` header of 1 to 255 visible ASCII characters. Use a new key for each \
    operation. If you repeat a request with the same key and body within 24 hours, Taskwell \
    performs the operation once and returns the first response again. The response is 409 while \
    the first request is still in progress, 422 if the body differs, and 400 if the key is \
    malformed. Taskwell does not store responses that contain tokens or other secrets, nor errors: \
    it processes such requests again.\n\nTaskwell ignores query parameters that an endpoint does \
    not know. It compresses responses with gzip if `Accept-Encoding` allows it. The `ETag` of a \
    compressed response ends in `-gzip`; `If-Match` and `If-None-Match` accept both forms.",
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
                "password": { "type": "oauth2", "description": "Log in with a username or email \
                    address and a password.",
                    "flows": {
                        "password": { "tokenUrl": token_url, "scopes": {} },
                    } },
            },
        },
    });
    document.to_string()
}
