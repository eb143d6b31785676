//! Bounds of numeric settings.

use std::fmt::Display;
use std::ops::RangeInclusive;

use clap::Arg;
use clap::builder::{RangedI64ValueParser, ValueParserFactory};

/// Adds the attribute `#[arg(within = 1..=365_u32)]`.
pub trait Within {
    /// Accepts only numbers in `range`. The help states the range after its first sentence.
    fn within<N>(self, range: RangeInclusive<N>) -> Self
    where
        N: ValueParserFactory<Parser = RangedI64ValueParser<N>>,
        N: Copy + Display + Into<u32> + TryFrom<i64> + Send + Sync + 'static,
        <N as TryFrom<i64>>::Error: std::error::Error + Send + Sync;
}

impl Within for Arg {
    fn within<N>(self, range: RangeInclusive<N>) -> Arg
    where
        N: ValueParserFactory<Parser = RangedI64ValueParser<N>>,
        N: Copy + Display + Into<u32> + TryFrom<i64> + Send + Sync + 'static,
        <N as TryFrom<i64>>::Error: std::error::Error + Send + Sync,
    {
        let (min, max) = range.into_inner();
        let mut help = self.get_help().map(ToString::to_string).unwrap_or_default();
        let end = help.find(". ").unwrap_or(help.len());
        help.insert_str(end, &format!(" ({min} to {max})"));
        let bounds = i64::from(min.into())..=i64::from(max.into());
        self.help(help).value_parser(N::value_parser().range(bounds))
    }
}
