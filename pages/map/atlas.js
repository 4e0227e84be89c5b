// Where the neuron atlas lies; `dream.py atlas` puts its own line here.
'use strict';

const ATLAS_PAGE = '';
