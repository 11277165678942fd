namespace Sluice.Storage.Cache;

/// <summary>What a check of a stored chunk has found.</summary>
internal enum ChunkState
{
    /// <summary>Intact, and verified from now on.</summary>
    Good,

    /// <summary>Not what was stored, or it can't be read. Forgotten.</summary>
    Wrong,

    /// <summary>Evicted or taken back meanwhile.</summary>
    Gone,
}
