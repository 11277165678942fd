namespace Sluice.Formats.Hashing;

/// <summary>Which instructions hash several BLAKE3 inputs side by side.</summary>
internal enum Blake3Path
{
    /// <summary>One input at a time, on 128-bit vectors where the processor has them.</summary>
    Single,

    Avx2,
    Avx512,
}
