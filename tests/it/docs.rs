//! The README's session runs, and its output matches the README.

use std::process::Command;

use crate::support::process::Server;

/// Replaces ids, times and tokens, which differ each time, by `#`.
fn normal(text: &str) -> String {
    let mut out = String::new();
    for (n, piece) in text.split('"').enumerate() {
        if n > 0 {
            out.push('"');
        }
        let dashes = piece.matches('-').count();
        let uuid = piece.len() == 36 && dashes == 4;
        let time = piece.len() == 27 && piece.ends_with('Z') && dashes == 2;
        let token = piece.starts_with("eyJ") || piece == "…" || (piece.len() == 64 && dashes == 0);
        out.push_str(if uuid || time || token { "#" } else { piece });
    }
    out
}

/// Returns the README's console blocks: each command with its output.
fn session(readme: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push((command.to_owned(), String::new())),
                None => steps.last_mut().unwrap().1.push_str(line),
            }
        }
    }
    steps
}

#[test]
fn the_readmes_session_answers_what_it_says() {
    let readme = include_str!("../../README.md");
    let steps = session(readme);
    assert!(steps.len() > 10, "{steps:?}");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut script = String::from("set -e\n");
    for (command, _) in &steps {
        script.push_str(&command.replace("localhost:8000", &server.address));
        script.push_str("\necho; echo @@\n");
    }
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = text.split("@@\n").map(str::trim).collect();
    for ((command, said), answer) in steps.iter().zip(&answers) {
        assert_eq!(normal(answer), normal(said), "{command}");
    }
    assert_eq!(answers.len(), steps.len() + 1);
}
