"""What a Kubernetes API server knows, as pure functions. The engine predicts with them, the sandbox answers with them.

| module | the functions to call |
|---|---|
| ``kinds`` | ``kind_of``, ``by_plural``, ``object_path``, ``collection_path``, ``BUILTIN`` |
| ``schema`` | ``builtin(api_version, kind)``, ``from_crd(openAPIV3Schema)``, ``known`` |
| ``compare`` | ``differences``, ``project``, ``path_text``, ``value_at``, ``remove_paths``, ``ABSENT`` |
| ``quantity`` | ``parse``, ``canonical``, ``same`` |
| ``defaults`` | ``with_defaults``, ``unknown_fields``, ``prune_unknown`` |
| ``typed`` | ``check_applied`` (server-side apply), ``decode_error`` (POST, PUT, patches) |
| ``ssa`` | ``server_side_apply``, ``conflict_message``, ``conflict_causes`` |
| ``update`` | ``track_update``, ``needs_new_generation`` |
| ``patch`` | ``json_patch``, ``merge_patch``, ``strategic_merge_patch`` |
| ``validate`` | ``validate``, ``invalid_message`` |
| ``predict`` | ``predict_apply`` |
| ``adopt`` | ``left_by_kubectl``, ``taken_over``, ``removed_by_takeover`` |
| ``readiness`` | ``progress`` |

``refusal.Refusal`` is raised where a server would answer an error that validation does not cover. ``fieldset``, ``merge``, ``managers``,
``empty``, ``decode``, ``pod_defaults``, ``field_errors``, ``validate_pods`` and ``validate_custom`` are what these are made of;
``custom`` holds the schemas of the custom kinds that giqplan writes.
"""
