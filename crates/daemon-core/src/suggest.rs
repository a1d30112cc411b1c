//! The known word that is nearest to an unknown one.

/// The candidate most similar to `word`, or `None` when none is similar.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &plain(candidate)), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// `, did you mean X?` for the end of a message, or nothing when no candidate is similar.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_its_word_and_noise_gets_none() {
        let words = ["packet-loss-10", "packet-loss-100", "latency-1s"];
        assert_eq!(nearest("packet-los-10", words), Some("packet-loss-10"));
        assert_eq!(nearest("Packet_loss_100", words), Some("packet-loss-100"));
        assert_eq!(nearest("zebra", words), None);
    }
}
