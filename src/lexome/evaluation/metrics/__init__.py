"""Task scores: figures with bootstrap intervals, one module for each kind of target.

A figure is `Scored`, with its 95 % interval, or `Undefined`, with the reason; never a number that
stands for neither.
"""

from __future__ import annotations

from lexome.evaluation.metrics.answers import answer_scores
from lexome.evaluation.metrics.bootstrap import Figure, Resampling, Scored, Undefined
from lexome.evaluation.metrics.labels import LabelScores, label_scores
from lexome.evaluation.metrics.multilabel import multilabel_scores
from lexome.evaluation.metrics.normalisers import Normaliser, normaliser
from lexome.evaluation.metrics.picture_classifier import train_picture_classifier
from lexome.evaluation.metrics.pictures import adherence, memorisation
from lexome.evaluation.metrics.regression import regression_scores
from lexome.evaluation.metrics.speech import SpeechScores, speech_scores
from lexome.evaluation.metrics.token_labels import token_label_scores
from lexome.evaluation.metrics.translation import copy_diagnostics, translation_scores

__all__ = [
    "Figure",
    "LabelScores",
    "Normaliser",
    "Resampling",
    "Scored",
    "SpeechScores",
    "Undefined",
    "adherence",
    "answer_scores",
    "copy_diagnostics",
    "label_scores",
    "memorisation",
    "multilabel_scores",
    "normaliser",
    "regression_scores",
    "speech_scores",
    "token_label_scores",
    "train_picture_classifier",
    "translation_scores",
]
