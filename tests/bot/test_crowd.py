from bot.crowd import CARDS, NAMED, Crowd


def test_a_crowd_is_counted_and_only_its_first_members_are_named() -> None:
    crowd = Crowd()
    for user in range(10_000):
        crowd.count("p1", user, approve=True)
    gathering = crowd.cards["p1"]
    assert gathering.reactions == 10_000
    assert list(gathering.named) == [(user, True) for user in range(NAMED)]


def test_one_stranger_reacting_again_and_again_is_named_once() -> None:
    crowd = Crowd()
    for _ in range(50):
        crowd.count("p1", 7, approve=False)
    assert list(crowd.cards["p1"].named) == [(7, False)]
    assert crowd.cards["p1"].reactions == 50


def test_the_oldest_cards_are_forgotten() -> None:
    crowd = Crowd()
    for card in range(CARDS + 50):
        crowd.count(f"p{card}", 1, approve=True)
    assert len(crowd.cards) == CARDS
    assert "p0" not in crowd.cards
