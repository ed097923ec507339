//! What is changed: mostly fields, and modest shares of everything else that happens to records.

use super::kinds::{ACCOUNT, CASE, CONTACT, KINDS, Kind};
use crate::soak::Dice;

/// Which side a change is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    There,
    Here,
}

/// One thing that somebody does. Records are named by their ids over there.
#[derive(Debug)]
pub(super) enum Wish {
    /// Another value for one of the fields of the kind.
    Update(&'static Kind, String, usize),
    /// A new record, under parents that are there.
    Create(&'static Kind),
    /// A new account, a new contact of it, and a new case of both.
    Family,
    /// A deletion.
    Delete(&'static Kind, String),
    /// Something that the same worker deleted comes back.
    Restore,
    /// One record becomes part of another.
    Merge(&'static Kind, String, String),
    /// An open conflict is decided, on the side that has them.
    Decide,
}

/// The records of one kind.
pub(super) struct Herd {
    kind: &'static Kind,
    /// Records that were there from the beginning; cases hang on many accounts and contacts.
    pub(super) seeded: Vec<String>,
    /// Accounts and contacts on which no case hangs: the org lets them be deleted.
    pub(super) loose: Vec<String>,
}

impl Herd {
    pub(super) fn new(kind: &'static Kind, seeded: Vec<String>, loose: Vec<String>) -> Self {
        assert!(seeded.len() >= 100, "too few records of {}", kind.object);
        Self { kind, seeded, loose }
    }

    /// Each side changes a fifth of the records; two thirds of these are the same.
    fn window(&self) -> usize {
        self.seeded.len() / 5
    }

    /// Draws a record that is changed on `side`; now and then one of a few that both sides change
    /// again and again.
    fn any(&self, side: Side, dice: &mut Dice) -> &str {
        let window = self.window();
        if dice.below(8) == 0 {
            return &self.seeded[window / 2 + dice.below((window / 50).max(6))];
        }
        let begin = if side == Side::There { 0 } else { window / 3 };
        &self.seeded[begin + dice.below(window)]
    }

    /// Draws a record that is neither deleted nor merged away.
    pub(super) fn stable(&self, dice: &mut Dice) -> &str {
        let begin = 2 * self.window();
        &self.seeded[begin + dice.below(self.seeded.len() - begin)]
    }

    /// Draws a record that may be deleted; of accounts and contacts only the even loose ones are, so
    /// that the id of a record which was merged is not taken for that of its survivor.
    fn mortal(&self, side: Side, dice: &mut Dice) -> String {
        if self.loose.is_empty() {
            return self.any(side, dice).to_owned();
        }
        self.loose[dice.below(self.loose.len() / 2) * 2].clone()
    }

    /// Draws a record, and another one that it becomes part of, which may be merged away itself.
    fn pair(&self, side: Side, dice: &mut Dice) -> (String, String) {
        let loser = match dice.below(2) {
            0 => self.loose[dice.below(self.loose.len() / 2) * 2 + 1].clone(),
            _ => self.any(side, dice).to_owned(),
        };
        loop {
            let winner = match dice.below(4) {
                0 => self.any(side, dice),
                _ => self.stable(dice),
            };
            if winner != loser {
                return (loser, winner.to_owned());
            }
        }
    }

    /// Draws any record that is changed on `side`, loose ones too.
    fn changed(&self, side: Side, dice: &mut Dice) -> String {
        if !self.loose.is_empty() && dice.below(4) == 0 {
            return self.loose[dice.below(self.loose.len())].clone();
        }
        self.any(side, dice).to_owned()
    }
}

/// All records.
pub(super) struct Herds([Herd; 3]);

impl Herds {
    /// Takes the herds in the order of [`KINDS`].
    pub(super) fn new(herds: [Herd; 3]) -> Self {
        assert!(herds.iter().zip(KINDS).all(|(herd, kind)| herd.kind.object == kind.object));
        Self(herds)
    }

    pub(super) fn of(&self, kind: &Kind) -> &Herd {
        self.0.iter().find(|it| it.kind.object == kind.object).unwrap()
    }

    /// Draws what a worker does next.
    pub(super) fn draw(&self, side: Side, dice: &mut Dice) -> Wish {
        let update = |kind: &'static Kind, dice: &mut Dice| {
            let id = self.of(kind).changed(side, dice);
            Wish::Update(kind, id, dice.below(kind.fields.len()))
        };
        let merge = |kind: &'static Kind, dice: &mut Dice| {
            let (loser, winner) = self.of(kind).pair(side, dice);
            Wish::Merge(kind, loser, winner)
        };
        match dice.below(100) {
            0..=47 => update(CASE, dice),
            48..=59 => update(CONTACT, dice),
            60..=69 => update(ACCOUNT, dice),
            70..=74 => Wish::Create(KINDS[dice.below(3)]),
            75..=76 => Wish::Family,
            77..=81 => Wish::Delete(CASE, self.of(CASE).mortal(side, dice)),
            82..=83 => Wish::Delete(CONTACT, self.of(CONTACT).mortal(side, dice)),
            84..=85 => Wish::Delete(ACCOUNT, self.of(ACCOUNT).mortal(side, dice)),
            86..=91 => Wish::Restore,
            92..=94 => merge(CONTACT, dice),
            95..=96 => merge(ACCOUNT, dice),
            _ => Wish::Decide,
        }
    }
}
