namespace Sluice.Storage.Fetching;

/// <summary>How many second requests are still allowed: a share of the first ones, saved up to a few. Guarded by the fetcher's lock.</summary>
internal sealed class HedgeAllowance
{
    private const double Most = 8;

    private double _saved = Most / 2;

    public bool IsUsedUp => _saved < 1;

    /// <param name="share">Second requests for each first one.</param>
    public void OnRequest(double share) => _saved = Math.Min(Most, _saved + share);

    public void Take() => _saved--;
}
