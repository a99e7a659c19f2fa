# Puts the pinned tools first: `. ./tools/env.sh` in the root of the repository.
#
# It sets PATH (Node 22 where the system's is older, wasm-bindgen, worker-build, wrangler and the other npm programs),
# WASM_BINDGEN_BIN, WASM_OPT_BIN, ESBUILD_BIN, CHROMIUM_BIN and cargo's runner for wasm tests. It brings nothing:
# `node tools/setup.mjs` does.
burgee_env="$(node ./tools/setup.mjs env)" && eval "$burgee_env" && unset burgee_env
