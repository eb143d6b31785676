//! Puts the page's own modules together, each folder into one file: two requests instead of thirty, and half the bytes. No
//! bundler: the modules share one namespace (a test sees to it), so what they import from each other is simply there.
//! Comments and indentation stay behind; line by line, nothing is rewritten.

use std::collections::{BTreeMap, BTreeSet};

/// A module: what it imports by name, from where, and the rest of it.
struct Module {
    path: String,
    imports: Vec<(String, BTreeSet<String>)>,
    body: String,
}

/// The modules of `folder`, each after those that it imports, as one. `entries` are those that nothing in the folder need
/// import. What comes from another folder comes from its one file, beside this.
pub fn link(folder: &str, entries: &[&str], read: &impl Fn(&str) -> String) -> String {
    let mut ordered = Vec::new();
    let mut met = BTreeSet::new();
    for entry in entries {
        visit(&format!("{folder}/{entry}.js"), read, &mut met, &mut ordered);
    }
    let mut outside: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, names) in ordered.iter().flat_map(|module: &Module| module.imports.clone()) {
        match from.split_once('/') {
            Some((within, _)) if within == folder => {}
            Some((other, file)) if has_file(other, file) => {
                outside.entry(format!("./{other}.js")).or_default().extend(names);
            }
            _ => outside.entry(from).or_default().extend(names),
        }
    }
    let mut linked = String::new();
    for (from, names) in outside {
        let names: Vec<String> = names.into_iter().collect();
        // A default import stands without braces.
        let (whole, braced): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.starts_with('='));
        for name in whole {
            linked.push_str(&["import ", &name[1..], " from \"", &from, "\";\n"].concat());
        }
        if !braced.is_empty() {
            let braced: Vec<&str> = braced.into_iter().map(String::as_str).collect();
            linked.push_str(&["import {", &braced.join(","), "} from \"", &from, "\";\n"].concat());
        }
    }
    for module in &ordered {
        linked.push_str(&module.body);
    }
    linked
}

fn has_file(folder: &str, file: &str) -> bool {
    matches!(folder, "app" | "account")
        && std::path::Path::new(file).extension().is_some_and(|end| end == "js")
}

/// The order in which a browser would run them.
fn visit(path: &str, read: &impl Fn(&str) -> String, met: &mut BTreeSet<String>, ordered: &mut Vec<Module>) {
    if !met.insert(path.to_owned()) {
        return;
    }
    let module = Module::parse(path, &read(path));
    let folder = folder_of(path);
    for (from, _) in &module.imports {
        if folder_of(from) == folder {
            visit(from, read, met, ordered);
        }
    }
    ordered.push(module);
}

fn folder_of(path: &str) -> &str {
    path.split_once('/').map_or("", |(folder, _)| folder)
}

impl Module {
    fn parse(path: &str, text: &str) -> Module {
        let mut module = Module { path: path.to_owned(), imports: Vec::new(), body: String::new() };
        for line in without_comments(text).lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some((names, from)) = import(line) {
                let from = module.resolved(from);
                module.imports.push((from, names));
            } else {
                module.body.push_str(line);
                module.body.push('\n');
            }
        }
        // Whatever view is wanted, it is in the one file.
        for view in ["sign", "settings", "admin"] {
            let dynamic = format!("import(\"../account/{view}.js\")");
            module.body = module.body.replace(&dynamic, "import(\"./account.js\")");
        }
        module
    }

    /// `./x.js` and `../folder/x.js` as `folder/x.js`; a library's name as it is.
    fn resolved(&self, from: &str) -> String {
        match (from.strip_prefix("./"), from.strip_prefix("../")) {
            (Some(beside), _) => format!("{}/{beside}", folder_of(&self.path)),
            (_, Some(elsewhere)) => elsewhere.to_owned(),
            _ => from.to_owned(),
        }
    }
}

/// The names and the source of `import { a, b } from "x";` or `import a from "x";`, where a name without braces is marked.
fn import(line: &str) -> Option<(BTreeSet<String>, &str)> {
    let (names, from) = line.strip_prefix("import ")?.split_once(" from ")?;
    let from = from.trim_end_matches(';').trim_matches('"');
    let braced = names.trim().strip_prefix('{').and_then(|names| names.strip_suffix('}'));
    let names = match braced {
        Some(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        None => BTreeSet::from([format!("={}", names.trim())]),
    };
    Some((names, from))
}

/// Without `/** … */` and without lines that are comments. No text of the page holds the first, which a test checks.
pub fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let lines = out.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let mut lines: Vec<&str> = lines.collect();
    lines.push("");
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_stand_behind_what_they_import_and_share_one_namespace() {
        let read = |path: &str| {
            let text = match path {
                "app/main.js" => {
                    "// starts\nimport { b } from \"./b.js\";\nimport x from \"x\";\n\nb(x); // now\nopen(() => import(\"../account/sign.js\"));\n"
                }
                "app/b.js" => {
                    "import { a } from \"./main.js\";\nimport { y, z } from \"x\";\n/** Says b.\n */\nexport const b = y /** @type {z} */ (z);\n"
                }
                "account/sign.js" => "import { b } from \"../app/b.js\";\n  b();\n",
                other => panic!("{other}"),
            };
            text.to_owned()
        };
        assert_eq!(
            link("app", &["main"], &read),
            "import x from \"x\";\nimport {y,z} from \"x\";\nexport const b = y  (z);\nb(x); // now\nopen(() => import(\"./account.js\"));\n"
        );
        assert_eq!(link("account", &["sign"], &read), "import {b} from \"./app.js\";\nb();\n");
    }
}
