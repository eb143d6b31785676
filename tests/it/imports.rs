//! No cycles of imports, direct or indirect. The imports come from the code itself: `use`, and each
//! path that begins at the crate, a parent or a child. A re-exported name leads to the file that
//! defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// The imported files of each file.
type Graph = BTreeMap<String, BTreeSet<String>>;

type Segments = Vec<String>;

/// A file: the path of its module, the paths in it, and the names that its `use`s bring into scope.
struct Module {
    file: String,
    paths: Vec<Segments>,
    bound: BTreeMap<String, Segments>,
}

/// Returns the graph of the files below `root`, the crate's root, with paths relative to it and
/// without tests.
fn of_crate(root: &Path) -> Graph {
    let mut modules = BTreeMap::new();
    for file in below(root, "") {
        let name = module_name(&file);
        let text = std::fs::read_to_string(root.join(&file)).unwrap();
        let mut reader = Reader { at: name.clone(), paths: Vec::new(), bound: BTreeMap::new() };
        reader.visit_file(&syn::parse_file(&text).unwrap_or_else(|e| panic!("{file}: {e}")));
        modules.insert(name, Module { file, paths: reader.paths, bound: reader.bound });
    }
    let mut graph = Graph::new();
    for (name, module) in &modules {
        let named = graph.entry(module.file.clone()).or_default();
        let all = module.paths.iter().chain(module.bound.values());
        named.extend(
            all.filter_map(|path| resolve(&modules, name, path))
                .filter(|file| *file != module.file),
        );
    }
    graph
}

/// Returns the groups of files that reach each other.
fn circles(graph: &Graph) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (file.as_str(), reach(graph, file))).collect();
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for (file, reached_from_it) in &reached {
        let back = |other: &&str| reached.get(other).is_some_and(|theirs| theirs.contains(file));
        let circle: BTreeSet<&str> = reached_from_it.iter().copied().filter(back).collect();
        if !circle.is_empty() && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reach<'g>(graph: &'g Graph, from: &str) -> BTreeSet<&'g str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = graph.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(graph.get(file).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

fn below(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(root, &path));
        } else if Path::new(&path).extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn module_name(file: &str) -> Segments {
    let mut name: Segments = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if name.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
        name.pop();
    }
    name
}

/// Returns the file that `path` leads to from the module `at`.
fn resolve(modules: &BTreeMap<Segments, Module>, at: &Segments, path: &Segments) -> Option<String> {
    let mut path = path.clone();
    // Follow re-exports through a few files at most.
    for _ in 0..8 {
        let first = path.first()?;
        if first != "crate" {
            let mut whole = vec!["crate".to_owned()];
            whole.extend(at.iter().cloned());
            whole.push(first.clone());
            if !modules.contains_key(&whole[1..]) {
                return None;
            }
            whole.extend(path[1..].iter().cloned());
            path = whole;
        }
        let inner = &path[1..];
        let depth = (0..=inner.len()).rev().find(|depth| modules.contains_key(&inner[..*depth]))?;
        let module = &modules[&inner[..depth]];
        match inner.get(depth).and_then(|name| module.bound.get(name)) {
            Some(bound)
                if bound.first().is_some_and(|first| first == "crate") && *bound != path =>
            {
                let mut on = bound.clone();
                on.extend(inner[depth + 1..].iter().cloned());
                path = on;
            }
            _ => return Some(module.file.clone()),
        }
    }
    None
}

struct Reader {
    at: Segments,
    paths: Vec<Segments>,
    bound: BTreeMap<String, Segments>,
}

impl Reader {
    /// Returns `path` from the crate's root; unchanged if it begins with a name.
    fn whole(&self, path: Segments) -> Segments {
        let mut at = self.at.clone();
        let mut rest = path.as_slice();
        match rest.first().map(String::as_str) {
            Some("self" | "super") => {}
            _ => return path,
        }
        while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
            if first == "super" {
                at.pop();
            }
            rest = &rest[1..];
        }
        let mut whole = vec!["crate".to_owned()];
        whole.extend(at);
        whole.extend(rest.iter().cloned());
        whole
    }

    fn take_use(&mut self, tree: &syn::UseTree, before: &Segments) {
        let mut path = before.clone();
        match tree {
            syn::UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.take_use(&step.tree, &path);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.take_use(item, before));
            }
            syn::UseTree::Glob(_) => {
                let path = self.whole(path);
                self.paths.push(path);
            }
            syn::UseTree::Name(name) => self.bind(path, &name.ident, &name.ident),
            syn::UseTree::Rename(name) => self.bind(path, &name.ident, &name.rename),
        }
    }

    fn bind(&mut self, mut path: Segments, name: &syn::Ident, called: &syn::Ident) {
        if name != "self" {
            path.push(name.to_string());
        }
        let called = if called == "self" {
            path.last().cloned().unwrap_or_default()
        } else {
            called.to_string()
        };
        let mut path = self.whole(path);
        // A child's name without `self::`.
        if path.first().is_some_and(|first| first != "crate") {
            self.paths.push(path.clone());
            path.insert(0, "self".to_owned());
            path = self.whole(path);
        }
        self.bound.insert(called, path);
    }

    /// Collects the paths in a macro's arguments.
    fn take_tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if path.is_empty() || colons == 2 => {
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(colon) if colon.as_char() == ':' => colons += 1,
                other => {
                    self.end_path(&mut path);
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.take_tokens(group.stream()),
                        TokenTree::Ident(name) => path.push(name.to_string()),
                        _ => {}
                    }
                }
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut Segments) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            let path = self.whole(path);
            self.paths.push(path);
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        list.path.is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_test(&module.attrs) || module.content.is_none() {
            return;
        }
        self.at.push(module.ident.to_string());
        syn::visit::visit_item_mod(self, module);
        self.at.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.take_use(&item.tree, &Vec::new());
        }
    }

    // `pub(in …)` restricts visibility and imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let path = self.whole(path);
            self.paths.push(path);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.take_tokens(call.tokens.clone());
        syn::visit::visit_macro(self, call);
    }
}

#[test]
fn no_file_is_in_a_circle_of_imports() {
    for part in ["core", "http", "server", "bench"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part).join("src");
        let graph = of_crate(&root);
        assert!(
            graph.values().map(BTreeSet::len).sum::<usize>() > 5,
            "nothing is imported in {part}"
        );
        let edges = |circle: &BTreeSet<&str>| -> Vec<(String, String)> {
            let within = graph.iter().filter(|(file, _)| circle.contains(file.as_str()));
            let edges = within.flat_map(|(file, imported)| {
                imported.iter().map(move |to| (file.clone(), to.clone()))
            });
            edges.filter(|(_, to)| circle.contains(to.as_str())).collect()
        };
        let found: Vec<_> = circles(&graph).iter().map(edges).collect();
        assert!(found.is_empty(), "circles in {part}: {found:#?}");
    }
}

/// Returns the top-level module of a file.
fn top(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn modules_follow_the_order_in_the_architecture() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(repository.join("ARCHITECTURE.md")).unwrap();
    for part in ["core", "http", "server"] {
        let list = text
            .split(&format!("`{part}`:\n\n```text\n"))
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let levels = list.split('→').enumerate();
        let level: BTreeMap<&str, usize> = levels
            .flat_map(|(at, names)| names.split(',').map(move |name| (name.trim(), at)))
            .collect();
        let graph = of_crate(&repository.join(part).join("src"));
        let roots = ["lib", "main"];
        let modules: BTreeSet<&str> =
            graph.keys().map(|file| top(file)).filter(|top| !roots.contains(top)).collect();
        assert_eq!(modules, level.keys().copied().collect(), "the list for {part} is not complete");
        for (file, imported) in graph.iter().filter(|(file, _)| !roots.contains(&top(file))) {
            for other in imported.iter().filter(|other| top(other) != top(file)) {
                assert!(
                    level[top(file)] < level[top(other)],
                    "{part}: {file} must not import {other}"
                );
            }
        }
    }
}

#[test]
fn imports_are_found_however_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; pub use a::A;"),
        ("a.rs", "use crate::b::{self as other, B}; pub struct A;"),
        ("b.rs", "pub struct B; fn f() { println!(\"{}\", crate::c::f()) }"),
        ("c/mod.rs", "mod inner; pub fn f() { inner::g() }"),
        ("c/inner.rs", "pub fn g() { super::super::d::h::<u8>() } pub(in crate::e) fn i() {}"),
        ("d.rs", "pub fn h<T>() { let _: Option<crate::A> = None; }"),
        ("e.rs", "#[cfg(test)] mod tests { use super::super::e::*; use crate::a::A; }"),
    ];
    std::fs::create_dir(folder.path().join("c")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let graph = of_crate(folder.path());
    let circle = ["a.rs", "b.rs", "c/inner.rs", "c/mod.rs", "d.rs"];
    assert_eq!(circles(&graph), [BTreeSet::from(circle)], "{graph:#?}");
    assert!(graph["e.rs"].is_empty(), "{graph:#?}");
}
