"""A folder of Numerai's files joined by id: era by era, or at once into a frame.

Nothing here is for users: the names below are shared with the other rooms.
"""

from ._columns import Columns as Columns
from ._columns import as_list as as_list
from ._columns import choose_columns as choose_columns
from ._era_file import EraFile as EraFile
from ._features import feature_set as feature_set
from ._features import feature_sets as feature_sets
from ._features import read_sets as read_sets
from ._features import resolve_columns as resolve_columns
from ._features import resolve_features as resolve_features
from ._folder import FolderRows as FolderRows
from ._folder import folder_models as folder_models
from ._folder import open_file as open_file
from ._folder import open_folder as open_folder
from ._folder import open_meta_model as open_meta_model
from ._folder import sides_of as sides_of
from ._join import Joined as Joined
from ._joined_rows import JoinedRows as JoinedRows
from ._models import choose_models as choose_models
from ._origin import Origin as Origin
from ._origin import origin_lines as origin_lines
from ._origin import origin_of as origin_of
from ._origin import with_origin as with_origin
from ._record import read_record as read_record
from ._record import record_path as record_path
from ._record import write_record as write_record
from ._release import FEATURES_FILE as FEATURES_FILE
from ._release import FILES as FILES
from ._release import META_MODEL_FILE as META_MODEL_FILE
from ._release import SPLITS as SPLITS
from ._release import check_folder as check_folder
from ._release import fetch_command as fetch_command
from ._release import has_live as has_live
from ._release import main_file as main_file
from ._release import models_file as models_file
from ._release import warn_of_no_meta_model as warn_of_no_meta_model
from ._release import warn_of_unmatched as warn_of_unmatched
from ._roles import DATA_TYPE as DATA_TYPE
from ._roles import ERA as ERA
from ._roles import ID as ID
from ._roles import index_columns as index_columns
from ._source import Source as Source
from ._source import open_source as open_source
from ._table import JoinedTable as JoinedTable
from ._target import target_of as target_of
from ._unreadable import reading as reading
from ._whole_eras import coded as coded
from ._whole_eras import whole_eras as whole_eras
