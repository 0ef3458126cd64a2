// What WebRTC's own statistics say about the participant in call.js, one plain row per RTP stream.
(() => {
  const { peer } = window;
  const rows = async (source) => [...((await source?.getStats()) ?? new Map()).values()];
  const codecOf = (all, r) => all.find((x) => x.id === r.codecId)?.mimeType;

  peer.inbound = async () => {
    const out = [];
    for (const participant of peer.room.remoteParticipants.values()) {
      for (const publication of participant.trackPublications.values()) {
        const all = await rows(publication.track?.receiver);
        for (const r of all.filter((x) => x.type === 'inbound-rtp')) {
          out.push({
            identity: participant.identity,
            source: publication.source,
            sid: publication.trackSid,
            codec: codecOf(all, r),
            packets: r.packetsReceived,
            lost: r.packetsLost,
            frames: r.framesDecoded,
            keyFrames: r.keyFramesDecoded,
            height: r.frameHeight,
            width: r.frameWidth,
            fps: r.framesPerSecond,
            energy: r.totalAudioEnergy,
            freezes: r.freezeCount,
            frozenS: r.totalFreezesDuration,
            nacks: r.nackCount,
            plis: r.pliCount,
            recovered: r.retransmittedPacketsReceived,
          });
        }
      }
    }
    return out;
  };

  peer.outbound = async () => {
    const out = [];
    for (const publication of peer.room.localParticipant.trackPublications.values()) {
      const all = await rows(publication.track?.sender);
      for (const r of all.filter((x) => x.type === 'outbound-rtp')) {
        out.push({
          source: publication.source,
          sid: publication.trackSid,
          codec: codecOf(all, r),
          rid: r.rid,
          active: r.active,
          packets: r.packetsSent,
          bytes: r.bytesSent,
          frames: r.framesEncoded,
          height: r.frameHeight,
          nacks: r.nackCount,
          plis: r.pliCount,
          retransmitted: r.retransmittedPacketsSent,
          limitedBy: r.qualityLimitationReason,
        });
      }
    }
    return out;
  };

  // Every encoder of the page that has made a frame, also those of backup codecs.
  peer.encoders = async () => {
    const manager = peer.room.engine.pcManager;
    const all = await rows(manager.publisher);
    return all.filter((x) => x.type === 'outbound-rtp' && x.kind === 'video' && x.framesEncoded > 0)
      .map((r) => ({ codec: codecOf(all, r) ?? 'none', rid: r.rid, frames: r.framesEncoded, height: r.frameHeight }));
  };

  peer.transport = async () => {
    const manager = peer.room.engine.pcManager;
    const out = [];
    for (const connection of [manager.publisher, manager.subscriber].filter(Boolean)) {
      const all = await rows(connection);
      const transport = all.find((r) => r.type === 'transport');
      const pair = all.find((r) => r.id === transport?.selectedCandidatePairId)
        ?? all.find((r) => r.type === 'candidate-pair' && r.nominated);
      out.push({
        dtls: transport?.dtlsState,
        srtp: transport?.srtpCipher,
        rttMs: (pair?.currentRoundTripTime ?? 0) * 1000,
        availableOutgoing: pair?.availableOutgoingBitrate,
      });
    }
    return out;
  };

  // Watches decoded frames of one track every 50 ms; the longest time without a new one is the
  // longest freeze a viewer saw, whatever the browser chooses to call a freeze.
  peer.watchFrames = ({ identity, source }) => {
    const watch = (peer.watch = { stop: false, longestGapMs: 0, frames: 0, heights: [] });
    let last = null;
    let lastAt = performance.now();
    const look = async () => {
      if (watch.stop) return;
      const row = (await peer.inbound()).find((r) => r.identity === identity && r.source === source);
      const now = performance.now();
      if (row && row.frames !== last) {
        if (last !== null) watch.frames += row.frames - last;
        last = row.frames;
        lastAt = now;
        if (row.height && watch.heights.at(-1) !== row.height) watch.heights.push(row.height);
      }
      watch.longestGapMs = Math.max(watch.longestGapMs, Math.round(now - lastAt));
      setTimeout(look, 50);
    };
    look();
  };
  peer.stopWatching = () => {
    peer.watch.stop = true;
    return { ...peer.watch };
  };
})();
