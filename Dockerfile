# Everything in a container, from this repository alone:
#   docker build -t audio-gan .
#   mkdir -p demo
#   docker run --rm -v "$PWD/demo:/app/demo" --user "$(id -u)" audio-gan \
#       python generate.py random -d pretrained/mag-if -o demo/notes --count 8 --pitches 60-71
# pip brings torch with CUDA (`docker run --gpus all` uses it). For a smaller image without, name the index of CPU
# builds that pytorch.org gives: docker build --build-arg PIP_EXTRA_INDEX_URL=... .
# Its commands were run one by one in a fresh environment; the image itself has not been built yet (2026-11-30).
FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL
# caches where any user may write
ENV MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements*.txt ./
RUN pip install --no-cache-dir -r requirements.txt -c requirements-lock.txt
# No wheel for ARM, nor a compiler here: then all works but the rendering of notes, which says so.
RUN pip install --no-cache-dir --no-deps --only-binary :all: -r requirements-soundfont.txt -c requirements-lock.txt \
    || echo "No tinysoundfont: data.render_notes will not work in this image"
COPY . .
RUN useradd --create-home user && chown user /app
USER user
CMD ["python", "generate.py", "--help"]
