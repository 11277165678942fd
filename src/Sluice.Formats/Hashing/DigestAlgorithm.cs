namespace Sluice.Formats.Hashing;

/// <summary>How chunks are digested. The numbers are those of RAFS.</summary>
public enum DigestAlgorithm
{
    Blake3 = 0,
    Sha256 = 1,
}
