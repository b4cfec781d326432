# The add-on and the container image. Needs buildah or docker build with --format docker: OCI images know no HEALTHCHECK.
# Variants by arguments: see addon/README.md.
ARG BUILD_FROM=ghcr.io/home-assistant/base-debian:trixie

# ffmpeg for sound alone, from Debian's own source: Debian's package brings 400 MB of video and graphics.
# hadolint ignore=DL3006
FROM ${BUILD_FROM} AS ffmpeg
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /build
# hadolint ignore=DL3008,DL3003
RUN sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources \
    && apt-get update \
    && apt-get install -y --no-install-recommends \
        build-essential dpkg-dev libopus-dev libsrt-openssl-dev libssl-dev nasm pkg-config \
    && apt-get source --download-only ffmpeg \
    && mkdir source \
    && tar -xf ffmpeg_*.orig.tar.xz -C source --strip-components=1 \
    && patches=$(tar -xOf ffmpeg_*.debian.tar.xz debian/patches/series 2>/dev/null || true) \
    && tar -xf ffmpeg_*.debian.tar.xz -C source \
    && cd source \
    && for patch in $patches; do patch -p1 <"debian/patches/$patch"; done
WORKDIR /build/source
RUN sound='aac,aac_fixed,aac_latm,ac3,adpcm_*,alac,amrnb,amrwb,ape,atrac3*,cook,dca,dsd_*,eac3,flac,g723_1,g729,gsm*,ilbc' \
    && sound+=',mlp,mp1*,mp2*,mp3*,mpc*,nellymoser,opus,pcm_*,qcelp,ra_*,shorten,sipr,speex,tak,truehd,tta,vorbis,wavpack,wma*' \
    && ./configure --prefix=/usr/local --disable-autodetect --disable-debug --disable-doc --disable-everything \
        --disable-avdevice --disable-ffplay --disable-swscale --disable-postproc \
        --enable-version3 --enable-openssl --enable-libopus --enable-libsrt \
        --enable-decoder="$sound,h264,hevc,mjpeg,mpeg2video,mpeg4" --enable-demuxers --enable-parsers \
        --enable-bsf='*_mp4toannexb,aac_adtstoasc,null' \
        --enable-encoder=pcm_s16le,flac,libopus --enable-muxer=flac,null,ogg,opus,pcm_s16le,wav \
        --enable-filter=abuffer,abuffersink,aformat,anull,aresample,atrim,pan,volume \
        --enable-protocol=crypto,data,file,hls,http,httpproxy,https,libsrt,pipe,rtmp,rtp,srtp,tcp,tls,udp \
    && make -j"$(nproc)" && make install-progs && strip /usr/local/bin/ffmpeg /usr/local/bin/ffprobe

# hadolint ignore=DL3006
FROM ${BUILD_FROM} AS python
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY wallflower wallflower
# The libraries beside ONNX Runtime; "none": it alone.
ARG EXTRAS=openvino,onnx-asr,whispercpp,mic
# default, or openvino: with OpenVINO's plugins for GPU and NPU.
ARG VARIANT=default
COPY addon/install addon/install
RUN addon/install "$EXTRAS" /opt/wallflower "$VARIANT"

# hadolint ignore=DL3006
FROM ${BUILD_FROM}
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# More packages of Debian, such as Intel's compute runtime for the variant openvino.
ARG PACKAGES=""
# Of ALSA's plugins only that for PulseAudio, which is how the house gives its microphones: the rest brings ffmpeg.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates curl libopus0 libportaudio2 libpulse0 libsrt1.5-openssl libssl3t64 python3 ${PACKAGES} \
    && apt-get download libasound2-plugins \
    && dpkg-deb --fsys-tarfile libasound2-plugins_*.deb | tar -x -C / --wildcards '*_pulse.so' \
    && rm libasound2-plugins_*.deb \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/doc /usr/share/man /usr/share/locale \
    && useradd --system --home-dir /data --no-create-home --groups audio,video wallflower
COPY --from=ffmpeg /usr/local/bin/ffmpeg /usr/local/bin/ffprobe /usr/local/bin/
COPY --from=python /opt/wallflower /opt/wallflower
COPY rootfs /

ENV WALLFLOWER_HTTP_PORT=8099 \
    S6_BEHAVIOUR_IF_STAGE2_FAILS=2 \
    S6_CMD_WAIT_FOR_SERVICES_MAXTIME=0

# Models to have in the image, such as "silero-vad moonshine-tiny-en"; else the first start fetches them.
ARG MODELS=""
RUN if [ -n "$MODELS" ]; then \
        for model in $MODELS; do \
            /opt/wallflower/bin/wallflower models pull "$model" --data-dir /usr/share/wallflower; \
        done; \
    fi

EXPOSE 10300 8099
VOLUME /data
# Alive, not ready: the first start may take minutes to fetch models, and must not be ended for it.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["curl", "-fsS", "-m", "8", "-o", "/dev/null", "http://127.0.0.1:8099/healthz"]

ARG BUILD_VERSION=dev
ARG BUILD_ARCH=amd64
LABEL io.hass.name="Wallflower" \
    io.hass.description="Listens, and nothing leaves the house" \
    io.hass.type="app" \
    io.hass.version="${BUILD_VERSION}" \
    io.hass.arch="${BUILD_ARCH}" \
    org.opencontainers.image.title="Wallflower" \
    org.opencontainers.image.description="Listens, and nothing leaves the house" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${BUILD_VERSION}"
