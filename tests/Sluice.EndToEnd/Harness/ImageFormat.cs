namespace Sluice.EndToEnd.Harness;

/// <summary>What an ordinary image is converted to before a test runs on it.</summary>
public enum ImageFormat
{
    Rafs,
    OverlayBd,
}
