"""TensorFlow and Keras, imported once and quietly. Nothing else imports them, so that ``--help`` needs neither."""

import os

from deepdream.command_line import silent_stderr

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # TensorFlow's start-up notes are no news to a user
os.environ.setdefault('TF_CPU_ALLOCATOR_USE_BFC', 'true')  # it keeps its memory: 1.5 times as fast on busy cores

with silent_stderr():  # it prints seven lines as it starts, which none of its settings turns off
    import keras
    import tensorflow as tf
    GPUS = tf.config.list_physical_devices('GPU')

__all__ = ['GPUS', 'keras', 'tf']
