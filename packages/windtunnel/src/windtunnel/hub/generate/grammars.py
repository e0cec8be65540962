"""Every grammar by its name, in the order in which they are tried on the columns of a dataset."""

from __future__ import annotations

from windtunnel.hub.generate import (
    acceptability,
    choices,
    dialogues,
    entities,
    equations,
    instructions,
    pairs,
    passages,
    pictures,
    prose,
    senses,
    sentiment,
    summaries,
    topics,
    word_problems,
)
from windtunnel.hub.generate.grammar import (
    IMAGE,
    LABEL,
    LABEL_OR_WHOLE,
    MESSAGES,
    NESTED,
    NUMBER,
    TAGS,
    TEXTS,
    TRUTH,
    WHOLE,
    Exchange,
    Grammar,
    Role,
)

_LABEL = Role(("label", "labels", "topic", "intent", "category", "coarse_label", "*"), LABEL)
_LABEL_TEXT = Role(("label_text",), required=False)
_CLASS = ("label", "label_text")
_CHOICE = ("label", "number", "letter", "right")
_SPAN = {
    "question": Role(("question",)),
    "context": Role(("context", "passage")),
    "answers": Role(("answers",), NESTED, fields=frozenset({"text", "answer_start"})),
    "title": Role(("title",), required=False),
}
_PASSAGES = (1500, 300)
_ARTICLES = (400, 100)  # texts of some hundred words


def _optional(*names: str) -> Role:
    return Role(names, required=False)


def _pair(first: tuple[str, ...], second: tuple[str, ...], label: Role = _LABEL) -> dict[str, Role]:
    return {"first": Role(first), "second": Role(second), "label": label}


def _problem(question: str, answer: str) -> dict[str, Role]:
    return {"question": Role((question,)), "answer": Role((answer,))}


_SENTENCES = (("premise", "sentence1"), ("hypothesis", "sentence2"))
_OPTIONS = {
    "option_1": Role(("sol1", "option1", "choice1", "answerA")),
    "option_2": Role(("sol2", "option2", "choice2", "answerB")),
    "option_3": _optional("option3", "choice3", "answerC"),
}

GRAMMARS: dict[str, Grammar] = {
    "preferred_dialogues": Grammar(
        dialogues.preference,
        {
            "chosen": Role(("chosen",), MESSAGES),
            "rejected": Role(("rejected",), MESSAGES),
            "prompt": _optional("prompt"),
            "messages": Role(("messages",), MESSAGES, required=False),
            "better": Role(("score_chosen", "chosen_rating", "chosen-rating"), NUMBER, required=False),
            "worse": Role(("score_rejected", "rejected_rating", "rejected-rating"), NUMBER, required=False),
        },
        ("chosen", "rejected"),
        Exchange.PAIR,
        complete=dialogues.with_chosen,
    ),
    "preferred_answers": Grammar(
        dialogues.preferred_text,
        {
            "chosen": Role(("chosen",)),
            "rejected": Role(("rejected",)),
            "prompt": Role(("prompt", "question", "instruction", "input")),
            "system": _optional("system", "system_prompt"),
        },
        ("chosen", "rejected"),
        Exchange.PAIR,
    ),
    "preferred_transcripts": Grammar(
        dialogues.transcribed_preference,
        {"chosen": Role(("chosen",)), "rejected": Role(("rejected",))},
        ("chosen", "rejected"),
        Exchange.PAIR,
    ),
    "dialogues": Grammar(
        dialogues.dialogue,
        {"messages": Role(("messages", "conversations"), MESSAGES), "prompt": _optional("prompt")},
        ("completion",),
        complete=dialogues.whole_dialogue,
    ),
    "span_questions": Grammar(passages.span_question, _SPAN, ("question",), most_rows=_PASSAGES),
    "span_questions_or_none": Grammar(
        passages.span_question_or_none, _SPAN, ("question",), most_rows=_PASSAGES, automatic=False
    ),
    "tagged_sentences": Grammar(
        entities.tagged_sentence,
        {
            "tokens": Role(("tokens", "words"), TEXTS),
            "tags": Role(("ner_tags", "tags", "labels"), TAGS),
            "pos": Role(("pos_tags",), TAGS, required=False),
            "chunks": Role(("chunk_tags",), TAGS, required=False),
        },
        ("tags",),
        Exchange.EQUAL_LENGTH,
    ),
    "lettered_choices": Grammar(
        choices.choice_of,
        {
            "question": Role(("question", "question_stem")),
            "lettered": Role(("choices",), NESTED, fields=frozenset({"text", "label"})),
            "letter": Role(("answerKey",)),
            "concept": _optional("question_concept"),
            "support": _optional("fact1", "combinedfact"),
        },
        _CHOICE,
    ),
    "listed_choices": Grammar(
        choices.choice_of,
        {
            "question": Role(("question", "ctx")),
            "options": Role(("choices", "options", "endings"), TEXTS),
            "label": Role(("answer", "label", "labels"), LABEL_OR_WHOLE),
        },
        _CHOICE,
    ),
    "listed_and_lettered_choices": Grammar(
        choices.choice_of,
        {
            "question": Role(("question",)),
            "options": Role(("choices", "options"), TEXTS),
            "letter": Role(("answer", "correct", "answerKey")),
            "support": _optional("article", "rationale"),
        },
        _CHOICE,
    ),
    "causes_and_effects": Grammar(
        choices.cause_or_effect,
        {"question": Role(("premise",)), "ask": Role(("question",)), **_OPTIONS, "label": Role(("label",), LABEL)},
        _CHOICE,
    ),
    "two_choices": Grammar(
        choices.choice_of,
        {
            "question": Role(("goal", "sentence", "question", "context")),
            **_OPTIONS,
            "label": Role(("label",), LABEL_OR_WHOLE),
        },
        _CHOICE,
    ),
    "numbered_choices": Grammar(
        choices.choice_of,
        {"question": Role(("sentence", "question")), **_OPTIONS, "number": Role(("answer", "label"))},
        _CHOICE,
    ),
    "right_and_wrong_answers": Grammar(
        choices.choice_of,
        {
            "question": Role(("question",)),
            "right": Role(("correct_answer",)),
            "wrong_1": Role(("distractor1",)),
            "wrong_2": Role(("distractor2",)),
            "wrong_3": Role(("distractor3",)),
            "support": _optional("support"),
        },
        _CHOICE,
    ),
    "missing_names": Grammar(
        passages.missing_name,
        {
            "context": Role(("passage",)),
            "question": Role(("query",)),
            "entities": Role(("entities",), TEXTS),
            "answers": Role(("answers",), TEXTS),
            "spans": Role(("entity_spans",), NESTED, required=False),
        },
        ("question",),
        most_rows=_PASSAGES,
    ),
    "checked_answers": Grammar(
        passages.checked_answer,
        {
            "context": Role(("paragraph",)),
            "question": Role(("question",)),
            "answer": Role(("answer",)),
            "label": Role(("label",), TRUTH),
        },
        most_rows=_PASSAGES,
    ),
    "yes_or_no": Grammar(
        passages.yes_or_no,
        {
            "context": Role(("passage",)),
            "question": Role(("question",)),
            "label": Role(("answer", "label"), TRUTH),
        },
        most_rows=_PASSAGES,
    ),
    "words_in_context": Grammar(
        senses.word_in_context,
        {
            "word": Role(("word",)),
            **_pair(("sentence1",), ("sentence2",)),
            **{f"{end}_{place}": Role((f"{end}{place}",), WHOLE) for end in ("start", "end") for place in (1, 2)},
        },
    ),
    "pronouns": Grammar(
        senses.pronoun,
        {
            "text": Role(("text",)),
            "span_1": Role(("span1_text",)),
            "span_2": Role(("span2_text",)),
            "span_1_index": Role(("span1_index",), WHOLE),
            "span_2_index": Role(("span2_index",), WHOLE),
            "label": _LABEL,
        },
    ),
    "dialogue_summaries": Grammar(
        summaries.dialogue,
        {"document": Role(("dialogue",)), "summary": Role(("summary",)), "topic": _optional("topic")},
        ("summary",),
    ),
    "articles": Grammar(
        summaries.article,
        {"document": Role(("article",)), "summary": Role(("highlights",))},
        ("summary",),
        most_rows=_ARTICLES,
    ),
    "reports": Grammar(
        summaries.report,
        {
            "document": Role(("document", "article", "text", "body")),
            "summary": Role(("summary", "abstract")),
            "title": _optional("title"),
        },
        ("summary",),
        most_rows=(800, 200),
    ),
    "instructions": Grammar(
        instructions.instruction,
        {
            "instruction": Role(("instruction",)),
            "output": Role(("output", "response")),
            "input": _optional("input", "context"),
            "category": _optional("category"),
            "prompted": _optional("text"),
        },
        ("output",),
        complete=instructions.prompted,
    ),
    "prompts_and_answers": Grammar(
        instructions.instruction,
        {
            "instruction": Role(("question", "prompt", "query")),
            "output": Role(("response", "completion")),
            "system": _optional("system_prompt", "system"),
        },
        ("output",),
    ),
    "scenes": Grammar(pairs.scenes, _pair(*_SENTENCES), labels=pairs.is_inference),
    "answered": Grammar(pairs.answered, _pair(("question",), ("sentence",)), labels=pairs.is_entailment),
    "news": Grammar(pairs.news, _pair(*_SENTENCES), labels=pairs.is_entailment),
    "duplicate_questions": Grammar(pairs.duplicate_questions, _pair(("question1",), ("question2",))),
    "paraphrases": Grammar(pairs.paraphrase, _pair(("sentence1",), ("sentence2",))),
    "similarity": Grammar(
        pairs.similarity,
        _pair(("sentence1",), ("sentence2",), Role(("label", "score", "similarity_score"), NUMBER)),
    ),
    "word_problems": Grammar(
        word_problems.word_problem, _problem("question", "answer"), ("answer", "number"), automatic=False
    ),
    "socratic_problems": Grammar(
        word_problems.socratic_problem, _problem("question", "answer"), ("answer", "number"), automatic=False
    ),
    "explained_problems": Grammar(
        word_problems.explained_problem,
        {
            **_problem("query", "response"),
            "original": _optional("original_question"),
            "kind": _optional("type"),
        },
        ("answer",),
        automatic=False,
    ),
    "boxed_problems": Grammar(
        equations.boxed_problem,
        {
            **_problem("problem", "solution"),
            "number": _optional("answer"),
            "subject": _optional("type", "subject"),
            "level": _optional("level"),
            "level_number": Role(("level",), WHOLE, required=False),
            "messages": Role(("messages",), MESSAGES, required=False),
        },
        ("answer", "number"),
        complete=equations.discussed,
    ),
    "acceptability": Grammar(
        acceptability.acceptability,
        {"text": Role(("sentence", "text")), "label": _LABEL},
        labels=lambda names: names == ("unacceptable", "acceptable"),
    ),
    "film_reviews": Grammar(
        sentiment.film_sentence,
        {"text": Role(("sentence",)), "label": _LABEL, "label_text": _LABEL_TEXT},
        _CLASS,
        labels=sentiment.is_polarity,
    ),
    "reviews": Grammar(
        sentiment.review,
        {
            "text": Role(("text", "content", "review", "*")),
            "label": _LABEL,
            "label_text": _LABEL_TEXT,
            "title": _optional("title"),
        },
        _CLASS,
        labels=sentiment.is_polarity,
    ),
    "titled_topics": Grammar(
        topics.titled_text,
        {
            "title": Role(("title", "question_title")),
            "text": Role(("content", "text", "question_content")),
            "more": _optional("best_answer"),
            "label": _LABEL,
        },
        _CLASS,
    ),
    "topics": Grammar(
        topics.topical_text,
        {
            "text": Role(("text", "sentence", "content", "utterance", "sms", "tweet", "question", "*")),
            "label": _LABEL,
            "label_text": _LABEL_TEXT,
        },
        _CLASS,
    ),
    "numbered_topics": Grammar(
        topics.topical_text,
        {
            "text": Role(("text", "sentence", "content")),
            "label": Role(("label", "labels"), WHOLE),
            "label_text": _LABEL_TEXT,
        },
        _CLASS,
        automatic=False,
    ),
    "dialogue_texts": Grammar(
        dialogues.dialogue,
        {"text": Role(("text",))},
        ("completion",),
        complete=dialogues.whole_dialogue,
        automatic=False,
    ),
    "encyclopedia_lines": Grammar(
        prose.encyclopedia_line, {"text": Role(("text",))}, (), most_rows=(2000, 400), automatic=False
    ),
    "lower_case_sentences": Grammar(
        prose.sentence, {"text": Role(("sentence", "text"))}, (), most_rows=(2000, 400), automatic=False
    ),
    "pictures": Grammar(
        pictures.picture,
        {
            "image": Role(("image", "img", "*"), IMAGE),
            "label": Role(("label", "labels", "fine_label", "*"), LABEL),
            "group": Role(("coarse_label",), LABEL, required=False),
            "label_text": _LABEL_TEXT,
        },
        ("label", "label_text", "group"),
        labels=lambda names: len(names) > 1,
        most_rows=(2000, 500),
    ),
    "prose": Grammar(prose.document, {"text": Role(("text", "content")), "title": _optional("title")}, ()),
}
