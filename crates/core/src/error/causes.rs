//! Choose the causes of an error that are shown: of a long chain the outermost and the root.

use std::{error::Error, fmt, iter::successors};

/// So many causes are followed: an error may name itself as its cause.
const MOST: usize = 10_000;

/// A link of a chain of causes, as it is shown. Its `Display` is what readers see.
#[derive(Clone, Copy, Debug)]
pub enum ShownCause<'a> {
    /// A cause.
    Cause(&'a (dyn Error + 'static)),
    /// How many causes are left out at this place.
    LeftOut(usize),
}

impl fmt::Display for ShownCause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cause(error) => error.fmt(f),
            Self::LeftOut(count) => write!(f, "({} left out)", crate::counted(*count as u64, "cause")),
        }
    }
}

/// Returns the causes of `error`, at most `most` of them; of a longer chain the outermost ones, how many are left out, and
/// the root, which mostly says what is wrong.
pub fn shown_causes<'a>(
    error: &'a (dyn Error + 'static),
    most: usize,
) -> impl Iterator<Item = ShownCause<'a>> + use<'a> {
    let causes = move || successors(error.source(), |error| (*error).source()).take(MOST);
    let total = causes().count();
    let is_cut = total > most && most > 0;
    let outermost = if is_cut { most - 1 } else { most };
    let left_out = is_cut.then(|| ShownCause::LeftOut(total - most));
    let root = causes().last().filter(|_| is_cut).map(ShownCause::Cause);
    causes().take(outermost).map(ShownCause::Cause).chain(left_out).chain(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(usize, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|link| link as _)
        }
    }

    #[test]
    fn a_long_chain_keeps_its_root_and_says_how_many_are_left_out() {
        // (causes, most, shown)
        let cases = [
            (0, 2, ""),
            (2, 2, "1 2"),
            (3, 2, "1 (1 cause left out) 3"),
            (9, 3, "1 2 (6 causes left out) 9"),
            (9, 1, "(8 causes left out) 9"),
            (9, 0, ""),
        ];
        for (causes, most, shown) in cases {
            let error = (0..=causes).rev().fold(None, |cause, n| Some(Box::new(Link(n, cause)))).unwrap();
            let texts: Vec<String> = shown_causes(&*error, most).map(|link| link.to_string()).collect();
            assert_eq!(texts.join(" "), shown, "{causes} {most}");
        }
    }

    #[test]
    fn an_error_that_is_its_own_cause_ends() {
        #[derive(Debug)]
        struct Circle;
        impl fmt::Display for Circle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("circle")
            }
        }
        impl Error for Circle {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(self)
            }
        }
        assert_eq!(shown_causes(&Circle, 4).count(), 5);
    }
}
