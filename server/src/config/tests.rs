//! Compares `docs/configuration.md` with the settings.

use clap::{Arg, Args as _, Command};

use super::Flags;

/// A row of the tables under "Settings".
struct Row {
    name: String,
    default: String,
    allowed: String,
}

fn rows() -> Vec<Row> {
    let document = include_str!("../../../docs/configuration.md");
    let tables = document.split("\n## ").nth(1).unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `"));
    let row = |line: &str| {
        let mut cells = line.split(" | ");
        let mut next = || cells.next().unwrap().to_owned();
        Row { name: next().trim_end_matches('`').to_owned(), default: next(), allowed: next() }
    };
    rows.map(row).collect()
}

/// The bounds in the help: "(1 to 365)" becomes "1–365".
fn bounds(arg: &Arg) -> Option<String> {
    let help = arg.get_help().unwrap().to_string();
    let (_, rest) = help.split_once(" (")?;
    let (min, max) = rest.split_once(')')?.0.split_once(" to ")?;
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    (is_number(min) && is_number(max)).then(|| format!("{min}–{max}"))
}

#[test]
fn the_documentation_has_the_names_defaults_and_bounds_of_all_settings() {
    let command = Flags::augment_args(Command::new("taskwell"));
    let rows = rows();
    let documented: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let settings: Vec<&str> =
        command.get_arguments().map(|arg| arg.get_env().unwrap().to_str().unwrap()).collect();
    assert_eq!(documented, settings, "the tables list the settings in the order of --help");
    let mut bounded = 0;
    for (row, arg) in rows.iter().zip(command.get_arguments()) {
        let name = &row.name;
        match arg.get_default_values() {
            [] => assert!(!row.default.chars().any(|c| c.is_ascii_digit()), "{name}"),
            [default] => assert_eq!(row.default, format!("`{}`", default.display()), "{name}"),
            more => panic!("{name}: {more:?}"),
        }
        if let Some(bounds) = bounds(arg) {
            assert_eq!(row.allowed, bounds, "{name}");
            bounded += 1;
        }
        let values = arg.get_possible_values();
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(|v| format!("`{}`", v.get_name())).collect();
            assert_eq!(row.allowed, values.join(", "), "{name}");
        }
    }
    assert!(bounded > 10, "the help of {bounded} settings has bounds");
}

#[test]
fn the_flag_the_variable_and_the_placeholder_of_a_setting_have_the_same_name() {
    let command = Flags::augment_args(Command::new("taskwell"));
    for arg in command.get_arguments() {
        let variable = arg.get_id().as_str().to_ascii_uppercase();
        assert_eq!(arg.get_env().unwrap(), variable.as_str());
        assert_eq!(arg.get_long().unwrap(), variable.to_ascii_lowercase().replace('_', "-"));
        assert_eq!(arg.get_value_names().unwrap(), [variable.as_str()]);
    }
}
