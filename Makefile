# Every target is one line that says what it runs. The first build takes some minutes; setup is instant once done.
ifeq ($(shell uname),Darwin)
FLAGS := -Xcc -I$(shell brew --prefix)/include -Xlinker -L$(shell brew --prefix)/lib
else
# Where there should be a driver, a suite without one is no proof: it fails instead of skipping.
test conformance: export DEVICENN_REQUIRE_OPENCL = 1
endif

.PHONY: demo demo-multitask demo-speech demo-driving test bench conformance dist setup setup-test setup-bench setup-speech

demo: setup          ; swift run -c release $(FLAGS) devicenn demo
demo-multitask: setup ; swift run -c release $(FLAGS) devicenn multitask demo
demo-speech: setup-speech ; swift run -c release $(FLAGS) devicenn speech demo
demo-driving: setup  ; swift run -c release $(FLAGS) devicenn driving demo
test: setup-test     ; swift test -c release -Xswiftc -enable-testing $(FLAGS)
bench: setup-bench   ; Scripts/bench.sh $(FLAGS)
conformance: setup-test ; Scripts/conformance.sh $(FLAGS)
dist: setup          ; Scripts/dist.sh $(FLAGS)

setup:               ; @Scripts/setup.sh
setup-test:          ; @Scripts/setup.sh test
setup-bench:         ; @Scripts/setup.sh bench
setup-speech:        ; @Scripts/setup.sh speech
