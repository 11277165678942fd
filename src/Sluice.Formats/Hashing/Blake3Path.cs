namespace Sluice.Formats.Hashing;

/// <summary>Which instructions hash several BLAKE3 inputs side by side.</summary>
internal enum Blake3Path
{
    Scalar,
    Avx2,
    Avx512,
}
